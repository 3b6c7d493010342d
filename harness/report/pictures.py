"""Which trial is drawn where: histories of a run, each drawn once for all claims it judges."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import InputInvalid
from harness.model.fidelity import Fidelity
from harness.model.history import HistoryInvalid, parse
from harness.model.verdict import Verdict
from harness.report import timeline, wording
from harness.report.drawing import NARROW, WIDE, Shade, draw
from harness.report.stored import SABOTAGE_TRIAL, StoredClaim, StoredRun, StoredTrial

HISTORY_FILE = "history.jsonl"
SHADES_MAX = 4
"""More measured intervals on one picture would cover each other."""

INTERVAL_ORIGINS = {
    "recovery_time": "fault",
    "full_readiness_time": "fault",
    "node_not_ready_time": "fault",
    "endpoint_removal_time": "fault",
    "replacement_ready_time": "fault",
    "scale_up_time": "fault",
    "drain_time": "drain",
    "replacement_after_not_ready": "not_ready",
    "scale_down_delay": "healed",
}
"""Indicators that are one interval in time, and the moment from which they count."""


@dataclass
class Picture:
    """One history with the claims it judges; ``problem`` says why there is no drawing."""

    identity: str
    experiment: str
    trial: str
    history: Path | None
    judged: list[tuple[StoredClaim, StoredTrial | None]] = field(default_factory=list)
    numbers: tuple[tuple[str, str], ...] = ()
    drawings: tuple[str, ...] = ()
    problem: str = ""

    @property
    def sabotage(self) -> bool:
        """Say whether this is the run with the planted defect."""
        return self.trial == SABOTAGE_TRIAL

    @property
    def title(self) -> str:
        """Return the heading, such as ``Trial 1``."""
        if not self.sabotage:
            return self.trial.replace("-", " ").capitalize()
        planted = dict.fromkeys(claim.sabotage.what for claim, _ in self.judged)
        return "Sabotage: " + "; ".join(planted)

    @property
    def decisive(self) -> bool:
        """Say whether a verdict other than supported or a claim's judged value is from here."""
        return any(
            trial is None or trial.verdict is not Verdict.SUPPORTED or trial is _judged(claim)
            for claim, trial in self.judged
        )


def _judged(claim: StoredClaim) -> StoredTrial | None:
    """Return the first trial with the value that was judged."""
    return next((t for t in claim.trials if t.measured == claim.measured), None)


@dataclass(frozen=True)
class ExperimentPictures:
    """All pictures of one experiment: its trials, then its sabotages."""

    name: str
    trials: tuple[Picture, ...]
    sabotages: tuple[Picture, ...]


def pictures(run: StoredRun) -> tuple[ExperimentPictures, ...]:
    """Read and draw every history of the run, in the order of the claims.

    Raises InputInvalid with every history that cannot be read.
    """
    grouped: dict[tuple[str, str, str], Picture] = {}
    for claim, trial, name in _trials(run):
        experiment = claim.experiment or claim.id
        path = run.folder / claim.id / name / HISTORY_FILE
        exists = path.is_file()
        if name == SABOTAGE_TRIAL and not exists:
            continue
        digest = _digest(path) if exists else "none"
        key = (experiment, name, digest)
        if key not in grouped:
            identity = f"picture-{len(grouped) + 1}"
            grouped[key] = Picture(identity, experiment, name, path if exists else None)
        grouped[key].judged.append((claim, trial))
    problems: list[str] = []
    for picture in grouped.values():
        _fill(picture, problems)
    if problems:
        raise InputInvalid(problems)
    names = dict.fromkeys(experiment for experiment, _, _ in grouped)
    return tuple(
        ExperimentPictures(
            name,
            tuple(p for p in grouped.values() if p.experiment == name and not p.sabotage),
            tuple(p for p in grouped.values() if p.experiment == name and p.sabotage),
        )
        for name in names
    )


def _trials(run: StoredRun) -> Iterator[tuple[StoredClaim, StoredTrial | None, str]]:
    for claim in run.claims:
        for trial in claim.trials:
            yield claim, trial, trial.trial
        # A claim with only a published figure has no trial to miss.
        if not claim.trials and claim.fidelity is not Fidelity.DOCUMENTED:
            yield claim, None, "no trial"
        yield claim, None, SABOTAGE_TRIAL


def _digest(path: Path) -> str:
    """Return a digest of the records; the header differs between claims of one trial."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        file.readline()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _fill(picture: Picture, problems: list[str]) -> None:
    if picture.history is None:
        judged = ", ".join(claim.id for claim, _ in picture.judged)
        picture.problem = f"No data: inconclusive. No history is stored for {judged}."
        return
    try:
        with picture.history.open(encoding="utf-8") as lines:
            model = timeline.build(parse(lines))
    except (HistoryInvalid, UnicodeDecodeError) as error:
        problems.append(f"{picture.history}: {error}")
        return
    picture.numbers = model.numbers
    if model.empty:
        picture.problem = "No data: inconclusive. The history holds no record after its header."
        return
    shades = _shades(picture, model)
    title = f"Timeline of experiment {picture.experiment}, {picture.title}"
    picture.drawings = tuple(
        draw(model, shades, size=size, identity=f"{picture.identity}-{size.name}", title=title)
        for size in (WIDE, NARROW)
    )


def _shades(picture: Picture, model: timeline.Timeline) -> list[Shade]:
    origins = dict(model.origins)
    shades = []
    for claim, trial in picture.judged:
        origin = origins.get(INTERVAL_ORIGINS.get(claim.indicator, ""))
        if trial is None or trial.measured is None or origin is None:
            continue
        measured = trial.measured
        if measured.unit != "s":
            continue
        text = wording.measurement(measured)
        label = f"{claim.id}: {text}"
        shades.append(Shade(origin, origin + measured.value, label, text))
    return shades[:SHADES_MAX]
