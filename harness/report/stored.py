"""What a run left on disk, read into frozen types: run.json and verdict.json.

Every problem of both files is collected and raised at once as InputInvalid, each one a sentence
with file, field (as a path like ``claims[2].bound.value``), what was expected and what was got.
Fields that are not there but may be absent become None or empty; the report says so visibly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import InputInvalid
from harness.model.claim import Bound, Documented
from harness.model.fidelity import Fidelity
from harness.model.finding import Measurement
from harness.model.verdict import Verdict
from harness.report.fields import Fields, load_object

RUN_FILE = "run.json"
VERDICT_FILE = "verdict.json"
SABOTAGE_TRIAL = "sabotage"


@dataclass(frozen=True)
class StoredTrial:
    """One trial of a claim as it was judged."""

    trial: str
    verdict: Verdict
    reason: str
    measured: Measurement | None
    details: tuple[tuple[str, str], ...]
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class StoredSabotage:
    """What became of the claim under its planted defect; verdict None: not run."""

    verdict: Verdict | None
    what: str
    reason: str
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class StoredClaim:
    """One claim with its final verdict and everything that led to it."""

    id: str
    sentence: str
    place: str
    note: str
    indicator: str
    experiment: str
    bound: Bound
    fidelity: Fidelity
    documented: Documented | None
    verdict: Verdict
    reason: str
    measured: Measurement | None
    trials: tuple[StoredTrial, ...]
    sabotage: StoredSabotage
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """One difference from production and the ids of the claims that it weakens."""

    what: str
    production: str
    emulation: str
    why: str
    weakens: tuple[str, ...]


@dataclass(frozen=True)
class NotTested:
    """Something that the run could not test, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class StoredRun:
    """A whole run. ``differences`` is None when no list was stored at all.

    ``facts`` is run.json without the parts that have a field of their own here.
    """

    folder: Path
    run: str
    verdict: Verdict
    claims: tuple[StoredClaim, ...]
    differences: tuple[Difference, ...] | None
    not_tested: tuple[NotTested, ...]
    stand_ins: tuple[str, ...]
    facts: Mapping[str, Any]


def read_run(folder: Path) -> StoredRun:
    """Read ``run.json`` and ``verdict.json`` of a results folder.

    Raises InputInvalid with every problem of both files.
    """
    problems: list[str] = []
    facts = load_object(folder / RUN_FILE, problems)
    document = load_object(folder / VERDICT_FILE, problems)
    if facts is None or document is None:
        raise InputInvalid(problems)
    run = Fields(folder / RUN_FILE, "", facts, problems)
    verdict = Fields(folder / VERDICT_FILE, "", document, problems)
    stored = StoredRun(
        folder=folder,
        run=verdict.text("run"),
        verdict=verdict.enum("verdict", Verdict, Verdict.INCONCLUSIVE),
        claims=tuple(_claim(each) for each in verdict.objects("claims")),
        differences=_differences(run, verdict),
        not_tested=tuple(_not_tested(each) for each in run.objects("not_tested", required=False)),
        stand_ins=run.texts("stand_ins"),
        facts={k: v for k, v in facts.items() if k not in {"differences", "not_tested"}},
    )
    repeated = {c.id for c in stored.claims if [o.id for o in stored.claims].count(c.id) > 1}
    problems.extend(
        f"{folder / VERDICT_FILE}: field 'claims': expected each id once, got {name!r} again"
        for name in sorted(repeated)
    )
    if problems:
        raise InputInvalid(problems)
    return stored


def _claim(fields: Fields) -> StoredClaim:
    measured = fields.object("measured", required=False)
    sabotage = fields.object("sabotage", required=False)
    identity = fields.text("id")
    if identity and (Path(identity).name != identity or identity.startswith(".")):
        fields.problem("id", "a claim id without path separators", identity)
    return StoredClaim(
        id=identity,
        sentence=fields.text("sentence", required=False),
        place=fields.text("place", required=False),
        note=fields.text("note", required=False),
        indicator=fields.text("indicator", required=False),
        experiment=fields.text("experiment", required=False),
        bound=fields.bound("bound"),
        fidelity=fields.enum("fidelity", Fidelity, Fidelity.SAME),
        documented=_documented(fields.object("documented", required=False)),
        verdict=fields.enum("verdict", Verdict, Verdict.INCONCLUSIVE),
        reason=fields.text("reason"),
        measured=_measurement(measured),
        trials=tuple(
            _trial(each)
            for each in (measured.objects("trials", required=False) if measured else ())
        ),
        sabotage=_sabotage(sabotage),
        evidence=fields.texts("evidence"),
    )


def _measurement(fields: Fields | None) -> Measurement | None:
    if fields is None or fields.value("value") is None:
        return None
    error = 0.0 if fields.value("error") is None else fields.number("error")
    return Measurement(fields.number("value"), fields.text("unit"), error)


def _trial(fields: Fields) -> StoredTrial:
    name = fields.text("trial")
    if name and (Path(name).name != name or name.startswith(".")):
        fields.problem("trial", "a trial name without path separators", name)
    nested = fields.object("measured", required=False)
    return StoredTrial(
        trial=name,
        verdict=fields.enum("verdict", Verdict, Verdict.INCONCLUSIVE),
        reason=fields.text("reason"),
        measured=_measurement(nested or fields),
        details=fields.pairs("details"),
        evidence=fields.texts("evidence"),
    )


def _sabotage(fields: Fields | None) -> StoredSabotage:
    if fields is None:
        return StoredSabotage(None, "", "No sabotage result is stored for this claim.", ())
    verdict = (
        None
        if fields.value("verdict") is None
        else fields.enum("verdict", Verdict, Verdict.INCONCLUSIVE)
    )
    return StoredSabotage(
        verdict=verdict,
        what=fields.text("what"),
        reason=fields.text("reason", required=False),
        evidence=fields.texts("evidence"),
    )


def _documented(fields: Fields | None) -> Documented | None:
    if fields is None:
        return None
    return Documented(
        low=fields.number("low"),
        high=fields.number("high"),
        unit=fields.text("unit"),
        source=fields.text("source"),
    )


def _differences(run: Fields, verdict: Fields) -> tuple[Difference, ...] | None:
    for fields in (run, verdict):
        if fields.value("differences") is not None:
            return tuple(_difference(each) for each in fields.objects_or_texts("differences"))
    return None


def _difference(fields: Fields | str) -> Difference:
    if isinstance(fields, str):
        return Difference(fields, "", "", "", ())
    return Difference(
        what=fields.text("what"),
        production=fields.text("production", required=False),
        emulation=fields.text("emulation", required=False),
        why=fields.text("why", required=False),
        weakens=fields.texts("weakens"),
    )


def _not_tested(fields: Fields) -> NotTested:
    return NotTested(what=fields.text("what"), why=fields.text("why"))
