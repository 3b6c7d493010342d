"""The plan of a run: which trials, in which order, judged by which claims."""

from __future__ import annotations

import pytest

from harness.errors import InputInvalid
from harness.model.claim import Bound, Claim, Comparison, Trials
from harness.model.fidelity import Fidelity
from harness.plan import Lane, PlannedTrial, Sabotages, make


def _claim(id: str, experiment: str, sabotage: str, *, full: int = 5) -> Claim:
    return Claim(
        id=id,
        sentence="",
        place="",
        indicator="x",
        bound=Bound(Comparison.AT_MOST, 1, "s"),
        fidelity=Fidelity.SAME,
        experiment=experiment,
        sabotage=sabotage,
        trials=Trials(quick=1, full=full),
    )


CLAIMS = [
    _claim("load", "hpa-load", "no-cpu-request", full=1),
    _claim("time", "database-hang", "asynchronous-standby"),
    _claim("loss", "database-hang", "asynchronous-standby", full=2),
]
BASES = {"no-cpu-request": "hpa-load", "asynchronous-standby": "database-hang"}


def _plan(**settings: object) -> list[PlannedTrial]:
    defaults: dict[str, object] = {
        "lane": Lane.QUICK,
        "only": [],
        "sabotages": Sabotages.NONE,
        "proven": lambda claim: False,
        "bases": BASES,
    }
    return make(CLAIMS, **{**defaults, **settings})  # type: ignore[arg-type]


def test_one_run_of_an_experiment_serves_all_its_claims() -> None:
    """Claims of one experiment share its trials; data stores come before the load."""
    assert [(t.experiment, [c.id for c in t.claims]) for t in _plan()] == [
        ("database-hang", ["time", "loss"]),
        ("hpa-load", ["load"]),
    ]


def test_full_lane_repeats_as_each_claim_asks() -> None:
    """The third trial of an experiment is judged only by claims that want so many."""
    trials = [t for t in _plan(lane=Lane.FULL) if t.experiment == "database-hang"]

    assert [t.trial for t in trials] == [f"trial-{n}" for n in range(1, 6)]
    assert [c.id for c in trials[2].claims] == ["time"]


def test_only_sabotages_that_are_not_proven_yet_are_run() -> None:
    """A sabotage already refuted by this version of the code is not run again."""
    trials = _plan(sabotages=Sabotages.MISSING, proven=lambda claim: claim.id == "load")

    assert [t.sabotage for t in trials if t.sabotage] == ["asynchronous-standby"]


def test_only_sabotages_without_their_experiments() -> None:
    """``only`` runs nothing but the planted defects."""
    assert all(t.sabotage for t in _plan(sabotages=Sabotages.ONLY))


def test_a_word_that_selects_nothing_is_an_error() -> None:
    """A typing error does not turn into an empty, passing run."""
    with pytest.raises(InputInvalid, match="databse"):
        _plan(only=["databse"])
