"""report.md: the claims of a run as Markdown, for a pull request or a wiki."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.gate import summary
from harness.model.verdict import Verdict
from harness.report import wording
from harness.report.decision import read as read_decision
from harness.report.html import evidence_link, meaning, untested
from harness.report.stored import StoredClaim, StoredRun, read_run

REPORT_FILE = "report.md"


def write(run_dir: Path) -> Path:
    """Write ``report.md`` into a results folder and return its path; raises InputInvalid."""
    path = run_dir / REPORT_FILE
    path.write_text(render(read_run(run_dir)), encoding="utf-8")
    return path


def render(run: StoredRun) -> str:
    """Return the run as Markdown; stored texts are escaped."""
    return "\n".join(_lines(run)) + "\n"


def _lines(run: StoredRun) -> Iterator[str]:
    yield f"# Run {_text(run.run)}: {run.verdict.value}"
    yield ""
    yield f"{meaning(run)} {wording.summary(run)}."
    yield ""
    yield from _decision(run)
    yield from _table(
        ("Claim", "Bound", "Measured", "Documented", "Fidelity", "Verdict", "Sabotage", "Evidence"),
        [_row(run, claim) for claim in run.claims],
    )
    reasons = [c for c in run.claims if c.verdict is not Verdict.SUPPORTED]
    if reasons:
        yield from ("", "## Reasons", "")
        for claim in reasons:
            yield f"- **{_text(claim.id)}** ({claim.verdict.value}): {_text(claim.reason)}"
    yield from ("", "## Differences from production", "")
    if run.differences is None:
        yield "No list of differences is stored in this run."
    elif not run.differences:
        yield "The comparison found no difference."
    else:
        yield from _table(
            ("Difference", "Production", "Here", "Weakens"),
            [(d.what, d.production, d.emulation, ", ".join(d.weakens)) for d in run.differences],
        )
    yield from ("", "## Not tested")
    for heading, entries in untested(run):
        yield from ("", f"### {heading}", "")
        for what, why in entries:
            yield f"- **{_text(what)}**" + (f": {_text(why)}" if why else "")


def _decision(run: StoredRun) -> Iterator[str]:
    """Yield what the gate decided on this run, where an attestation lies beside it."""
    attested = read_decision(run.folder)
    if attested is None:
        return
    decision = attested.decision
    yield from ("## Decision of the gate", "", f"**{summary.headline(decision)}**", "")
    if attested.stale:
        files = ", ".join(attested.stale)
        yield f"This decision is out of date: {files} changed since. Attest the run again."
        yield ""
    signers = ", ".join(attested.signers)
    signed = f"its signature names key {_text(signers)}" if signers else "it is not signed"
    yield f"Decided on {decision.day}; {signed}."
    yield ""
    yield from (f"- Fault of the run: {_text(each)}" for each in decision.refusals)
    yield from (f"- {_text(each)}" for each in decision.remarks)
    stopped = [*decision.refused, *decision.waived]
    if stopped:
        yield ""
        yield from _table(
            ("Claim", "Outcome", "Verdict", "Why, and the waiver"),
            [
                (
                    claim.id,
                    claim.outcome.value,
                    f"{wording.SYMBOLS[claim.verdict]} {claim.verdict.value}",
                    summary.reason_of(claim),
                )
                for claim in stopped
            ],
        )
    yield ""


def _row(run: StoredRun, claim: StoredClaim) -> tuple[str, ...]:
    documented = wording.documented(claim.documented)
    if claim.documented:
        documented += f" ({claim.documented.source})"
    planted = f"{claim.sabotage.what}: " if claim.sabotage.what else ""
    links = _Raw(
        " ".join(
            f"[{number}](<{evidence_link(run.folder, path)}>)"
            for number, path in enumerate(claim.evidence, start=1)
        )
    )
    return (
        f"{claim.sentence or claim.id} ({claim.id}; {claim.place or 'place not stored'})",
        wording.bound(claim.bound),
        f"{wording.measurement(claim.measured)}, {wording.trials(claim)}",
        documented,
        claim.fidelity.value,
        f"{wording.SYMBOLS[claim.verdict]} {claim.verdict.value}",
        planted + wording.sabotage(claim.sabotage),
        links,
    )


class _Raw(str):
    """Markdown that is already written."""


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{' --- |' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(_text(cell) for cell in row)} |"


def _text(value: str) -> str:
    """Escape what Markdown or HTML would take for markup, and keep one line."""
    if isinstance(value, _Raw):
        return value
    escaped = re.sub(r"([\\`*_\[\]|#~])", r"\\\1", " ".join(value.split()))
    return escaped.replace("&", "&amp;").replace("<", "&lt;")
