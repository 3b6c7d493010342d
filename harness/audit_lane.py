"""The audit lane: inputs read, rules judged, results written; no engine is needed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from harness.audit.judging import Audit, judge
from harness.audit.resource import Place
from harness.audit.sources import Sources, defaults, load
from harness.errors import ExitCode, InputInvalid
from harness.model.verdict import Verdict
from harness.report import audit_document, audit_tables
from harness.stack.deployment import find_kubectl
from harness.stack.folders import INFRA, REPOSITORY

_CODES: Mapping[Verdict, ExitCode] = {
    Verdict.SUPPORTED: ExitCode.SUPPORTED,
    Verdict.REFUTED: ExitCode.REFUTED,
    Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
}


@dataclass(frozen=True)
class Outcome:
    """What an audit has to say, for people and for machines."""

    text: str
    document: Mapping[str, Any]
    exit_code: ExitCode


def run(sources: Sources, *, sarif: Path | None = None, today: date | None = None) -> Outcome:
    """Audit the inputs, by default those of ``infra/``, and write SARIF where asked.

    Raises InputInvalid for inputs that cannot be read or a SARIF file that cannot be written,
    EnvironmentUnavailable when a kustomization needs kubectl and there is none.
    """
    audit = audit_of(sources, today=today)
    if sarif is not None:
        _write(sarif, audit)
    return Outcome(
        audit_tables.as_text(audit), audit_document.as_json(audit), _CODES[audit.verdict]
    )


def audit_of(sources: Sources, *, today: date | None = None) -> Audit:
    """Return the judged audit of the inputs, by default those of ``infra/``."""
    chosen = sources if sources.paths else defaults(INFRA)
    found = judge(load(chosen, find_kubectl()), today or date.today())
    return _relative(found)


def _relative(audit: Audit) -> Audit:
    """Return the audit with the project's own files named relative to it."""
    prefix = f"{REPOSITORY}/"

    def moved(place: Place) -> Place:
        return replace(place, file=place.file.removeprefix(prefix))

    return replace(
        audit,
        results=tuple(
            replace(
                r,
                defects=tuple(replace(d, place=moved(d.place)) for d in r.defects),
                undecided=tuple(replace(u, place=moved(u.place)) for u in r.undecided),
            )
            for r in audit.results
        ),
        not_judged=tuple(replace(n, place=moved(n.place)) for n in audit.not_judged),
        notes=tuple(note.removeprefix(prefix) for note in audit.notes),
    )


def sources_of(
    terraform: Sequence[str],
    kubernetes: Sequence[str],
    monitoring: Sequence[str],
    pipeline: Sequence[str],
) -> Sources:
    """Return the inputs that options name."""
    given = (terraform, kubernetes, monitoring, pipeline)
    return Sources(*(tuple(Path(text) for text in texts) for texts in given))


def _write(path: Path, audit: Audit) -> None:
    text = json.dumps(audit_document.as_sarif(audit, REPOSITORY), indent=1, ensure_ascii=False)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise InputInvalid(
            f"--sarif {path}: expected a file that can be written, got {error.strerror}. "
            "Next step: name one in a folder that exists"
        ) from error
