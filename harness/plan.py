"""Which trials a run consists of; pure, so that it can be printed before anything starts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.errors import InputInvalid
from harness.model.claim import Claim


class Lane(StrEnum):
    """How thorough a run is."""

    QUICK = "quick"
    FULL = "full"


class Sabotages(StrEnum):
    """Which sabotages a run includes."""

    MISSING = "missing"  # those not yet refuted by this version of the code
    ALL = "all"
    NONE = "none"
    ONLY = "only"


@dataclass(frozen=True)
class PlannedTrial:
    """One run of one experiment, judged by all its claims; a sabotage names its document."""

    experiment: str
    sabotage: str | None
    trial: str
    claims: tuple[Claim, ...]

    @property
    def title(self) -> str:
        """Return a short name for progress lines."""
        return f"{self.experiment} with {self.sabotage}" if self.sabotage else self.experiment


_DATA_STORES = ("database-", "cache-")

# Data stores first: their experiments leave the cluster alone. Node experiments before the load,
# because the load's long scale-down is the last thing to wait for.
_ORDER = (
    "database-postmaster-kill",
    "database-container-kill",
    "database-hang",
    "cache-primary-kill",
    "pod-kill",
    "pdb-drain",
    "node-power-loss",
    "node-hang",
    "hpa-load",
)


def make(
    claims: Sequence[Claim],
    *,
    lane: Lane,
    only: Collection[str],
    sabotages: Sabotages,
    proven: Callable[[Claim], bool],
    bases: Mapping[str, str],
    trials_each: int | None = None,
) -> list[PlannedTrial]:
    """Return the trials of a run, in the order in which they are run.

    ``only`` holds words that must occur in a claim's id or experiment; empty means all.
    ``proven`` says whether a claim's sabotage was already refuted by this version of the code.
    ``bases`` maps each sabotage to the experiment that it spoils; ``trials_each`` replaces the
    claims' own numbers of trials.

    Raises InputInvalid for a word that selects nothing.
    """
    chosen = select(claims, only)
    trials: list[PlannedTrial] = []
    if sabotages is not Sabotages.ONLY:
        for experiment, group in _grouped(chosen, lambda claim: claim.experiment).items():
            wanted_trials = {c.id: trials_each or _trials(c, lane) for c in group}
            trials += [
                PlannedTrial(
                    experiment,
                    None,
                    f"trial-{number}",
                    tuple(c for c in group if wanted_trials[c.id] >= number),
                )
                for number in range(1, max(wanted_trials.values()) + 1)
            ]
    if sabotages is not Sabotages.NONE:
        wanted = [c for c in chosen if sabotages is not Sabotages.MISSING or not proven(c)]
        for sabotage, group in _grouped(wanted, lambda claim: claim.sabotage).items():
            trials.append(PlannedTrial(bases[sabotage], sabotage, "sabotage", tuple(group)))
    return sorted(trials, key=lambda t: (_position(t.experiment), t.sabotage or "", t.trial))


def tracks(trials: Sequence[PlannedTrial]) -> list[list[PlannedTrial]]:
    """Return the trials split into tracks that may run side by side, order kept.

    Experiments on the data stores leave the cluster alone and the other way round; within a
    track the next trial needs the steady state that the last one gave back.
    """
    data = [t for t in trials if t.experiment.startswith(_DATA_STORES)]
    rest = [t for t in trials if not t.experiment.startswith(_DATA_STORES)]
    return [track for track in (data, rest) if track]


def select(claims: Sequence[Claim], only: Collection[str]) -> list[Claim]:
    """Return the claims whose id or experiment contains one of the words (all when empty)."""
    if not only:
        return list(claims)
    problems = [
        f"--only {word}: expected a part of a claim or experiment name, got no match among "
        f"{', '.join(sorted({c.experiment for c in claims}))}"
        for word in only
        if not any(word in c.id or word in c.experiment for c in claims)
    ]
    if problems:
        raise InputInvalid(problems)
    return [c for c in claims if any(word in c.id or word in c.experiment for word in only)]


def _trials(claim: Claim, lane: Lane) -> int:
    return claim.trials.quick if lane is Lane.QUICK else claim.trials.full


def _position(experiment: str) -> int:
    return _ORDER.index(experiment) if experiment in _ORDER else len(_ORDER)


def _grouped(claims: Sequence[Claim], key: Callable[[Claim], str]) -> dict[str, list[Claim]]:
    groups: dict[str, list[Claim]] = {}
    for claim in claims:
        groups.setdefault(key(claim), []).append(claim)
    return groups
