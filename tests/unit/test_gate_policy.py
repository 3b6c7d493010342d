"""The decision: each rule of the policy refuses alone, and nothing else does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from harness.gate.policy import Decision, Outcome, decide
from harness.model.claim import Documented
from harness.model.verdict import Verdict
from tests.unit.gate_sample import (
    CLAIMS,
    COMMIT,
    FLOOR,
    INCONCLUSIVE,
    REFUTED,
    ROWS,
    SUPPORTED,
    TIME,
    TODAY,
    decide_on,
    edit,
    read,
    waiver,
    write_results,
)


@pytest.mark.parametrize(
    ("verdicts", "waived", "admitted", "verdict"),
    [
        ({}, [], True, SUPPORTED),
        ({TIME: REFUTED}, [], False, REFUTED),
        ({TIME: INCONCLUSIVE}, [], False, INCONCLUSIVE),
        ({TIME: REFUTED}, [TIME], True, SUPPORTED),
        ({TIME: INCONCLUSIVE}, [TIME], True, SUPPORTED),
        ({TIME: REFUTED, FLOOR: INCONCLUSIVE}, [TIME], False, INCONCLUSIVE),
        ({TIME: REFUTED, FLOOR: INCONCLUSIVE}, [FLOOR], False, REFUTED),
        ({TIME: REFUTED, FLOOR: INCONCLUSIVE}, [FLOOR, TIME], True, SUPPORTED),
        ({TIME: REFUTED}, [FLOOR, ROWS], False, REFUTED),
    ],
)
def test_claims_and_waivers(
    tmp_path: Path,
    verdicts: Mapping[str, Verdict],
    waived: list[str],
    admitted: bool,
    verdict: Verdict,
) -> None:
    """Each claim that is not supported needs its own waiver; refuted outranks inconclusive."""
    folder = write_results(tmp_path / "run", verdicts)
    decision = decide_on(folder, *map(waiver, waived))

    assert (admitted, verdict) == (decision.admitted, decision.verdict)
    assert {each.id for each in decision.refused} == set(verdicts) - set(waived)
    assert {each.id for each in decision.waived} == set(verdicts) & set(waived)


def test_a_waived_claim_stays_visible(tmp_path: Path) -> None:
    """Its verdict, its reason and its waiver are kept, and a remark names it."""
    decision = decide_on(write_results(tmp_path / "run", {TIME: REFUTED}), waiver(TIME))
    (waived,) = decision.waived

    assert waived.verdict is REFUTED
    assert waived.waiver == waiver(TIME)
    assert "120 s" in waived.reason
    assert any(TIME in remark for remark in decision.remarks)


def test_a_waiver_ends_after_its_last_day(tmp_path: Path) -> None:
    """On the last day it counts, on the next one the claim refuses again."""
    folder = write_results(tmp_path / "run", {TIME: REFUTED})

    assert decide_on(folder, waiver(TIME, TODAY)).admitted
    assert not decide_on(folder, waiver(TIME, TODAY - timedelta(days=1))).admitted


def test_a_claim_that_was_not_judged_is_inconclusive(tmp_path: Path) -> None:
    """Leaving a claim out of the run does not make it hold."""
    folder = write_results(tmp_path / "run", judged=(FLOOR, ROWS))
    decision = decide_on(folder)

    assert [(each.id, each.verdict) for each in decision.refused] == [(TIME, INCONCLUSIVE)]
    assert decide_on(folder, waiver(TIME)).admitted


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bound": {"comparison": "at_most", "value": 90, "unit": "s"}}, "claims.yaml asks ≤ 60 s"),
        ({"fidelity": "stand-in"}, "another fidelity"),
        ({"sabotage": {"what": "a", "verdict": "supported"}}, "sabotage is not refuted"),
        ({"sabotage": {"what": "a", "verdict": None}}, "sabotage is not refuted: not run"),
        ({"sabotage": None}, "sabotage is not refuted: not run"),
    ],
)
def test_support_that_says_too_much_is_inconclusive(
    tmp_path: Path, change: Mapping[str, Any], words: str
) -> None:
    """A stored support counts only for this bound, this fidelity and a check that can fail."""
    folder = write_results(tmp_path / "run")
    document = json.loads((folder / "verdict.json").read_text())
    document["claims"][1] |= change
    edit(folder / "verdict.json", document)
    (refused,) = decide_on(folder).refused

    assert (refused.id, refused.verdict) == (TIME, INCONCLUSIVE)
    assert words in refused.reason


def test_support_against_a_refuted_trial_is_inconclusive(tmp_path: Path) -> None:
    """A verdict that its own trials deny is not believed."""
    folder = write_results(tmp_path / "run", {TIME: REFUTED})
    document = json.loads((folder / "verdict.json").read_text())
    document["claims"][1]["verdict"] = document["verdict"] = "supported"
    edit(folder / "verdict.json", document)
    (refused,) = decide_on(folder).refused

    assert "did not support it" in refused.reason


def test_a_documented_figure_that_the_run_did_not_see_is_inconclusive(tmp_path: Path) -> None:
    """A claim that got a published figure since must be judged with it."""
    run, facts = read(write_results(tmp_path / "run"))
    published = replace(CLAIMS[1], documented=Documented(60, 120, "s", "the provider"))
    decision = decide(run, facts, (CLAIMS[0], published, CLAIMS[2]), (), today=TODAY)

    assert [each.id for each in decision.refused] == [TIME]


@pytest.mark.parametrize(
    ("lane", "trials", "admitted"),
    [
        ("full", {}, True),
        ("full", {TIME: 4}, False),
        ("quick", {TIME: 2, FLOOR: 1}, True),
        ("quick", {TIME: 1}, False),
        ("quick", {TIME: 5}, True),
    ],
)
def test_a_lane_asks_for_its_trials(
    tmp_path: Path, lane: str, trials: Mapping[str, int], admitted: bool
) -> None:
    """Fewer trials than the lane asks are inconclusive; the quick lane is said."""
    folder = write_results(tmp_path / "run", trials=trials, facts={"lane": lane})
    decision = decide_on(folder)

    assert admitted == decision.admitted
    assert (lane == "quick") == any("Quick lane: 2 of 3" in each for each in decision.remarks)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"dirty": True}, "uncommitted changes"),
        ({"dirty": None}, "uncommitted changes"),
        ({"commit": "unknown (not a git checkout)"}, "names no git commit"),
        ({"commit": COMMIT[:12]}, "names no git commit"),
        ({"commit": None}, "names no git commit, got 'nothing'"),
        ({"status": "interrupted"}, "status is interrupted"),
        ({"status": None}, "status is not stored"),
        ({"lane": "emulate"}, "lane is emulate: expected quick or full"),
        ({"lane": None}, "lane is not stored"),
        ({"run": "run-2"}, "run.json is of run 'run-2' and verdict.json of 'run-1'"),
        ({"finished": None}, "started and finished is not stored"),
        ({"started": "2026-03-02T11:00:01+00:00"}, "finished before it started"),
        ({"manifest_digests": {"emulation": "sha256:" + "00" * 32}}, "no digest of the production"),
        ({"manifest_digests": None}, "no digest of the production"),
    ],
)
def test_a_fault_of_the_run_refuses_and_no_waiver_lifts_it(
    tmp_path: Path, facts: Mapping[str, Any], words: str
) -> None:
    """What was tested is not known: inconclusive, one reason, whatever is waived."""
    folder = write_results(tmp_path / "run", facts=facts)
    decision = decide_on(folder, *(waiver(claim.id) for claim in CLAIMS))

    assert not decision.admitted
    assert decision.verdict is INCONCLUSIVE
    assert len(decision.refusals) == 1
    assert words in decision.refusals[0]


def test_no_claims_refuse(tmp_path: Path) -> None:
    """Neither a run nor a document without claims is a pass."""
    folder = write_results(tmp_path / "run", judged=())
    run, facts = read(folder)

    assert any("no claim at all" in each for each in decide_on(folder).refusals)
    nothing = decide(run, facts, (), (), today=TODAY)
    assert any("no claim at all" in each for each in nothing.refusals)
    assert nothing.verdict is INCONCLUSIVE
    assert not Decision(TODAY, ()).admitted


def test_claims_that_nobody_asked_for_refuse(tmp_path: Path) -> None:
    """A claims.yaml without claims asks nothing, and so nothing is answered."""
    run, facts = read(write_results(tmp_path / "run"))
    decision = decide(run, facts, (), (), today=TODAY)

    assert any("no claim at all" in each for each in decision.refusals)


def test_a_supported_claim_carries_no_waiver(tmp_path: Path) -> None:
    """A waiver that is not needed does not show as one that was used."""
    decision = decide_on(write_results(tmp_path / "run"), waiver(TIME))

    assert [each.waiver for each in decision.claims] == [None] * 3


def test_claims_that_nobody_knows_refuse(tmp_path: Path) -> None:
    """A run that was made for other claims is not taken for one of these."""
    run, facts = read(write_results(tmp_path / "run"))
    decision = decide(run, facts, CLAIMS[:2], (), today=TODAY)

    assert [ROWS in each for each in decision.refusals] == [True]


def test_a_word_that_its_claims_deny_refuses(tmp_path: Path) -> None:
    """verdict.json must say of the run what its claims say."""
    folder = write_results(tmp_path / "run", {TIME: REFUTED})
    edit(folder / "verdict.json", {"verdict": "supported"})

    assert any("its claims say refuted" in e for e in decide_on(folder, waiver(TIME)).refusals)


def test_problems_of_the_source_refuse(tmp_path: Path) -> None:
    """Waivers that are not those of the commit are passed in as sentences and refuse."""
    run, facts = read(write_results(tmp_path / "run"))
    decision = decide(run, facts, CLAIMS, (), today=TODAY, source_problems=["not committed"])

    assert decision.refusals == ("not committed",)
    assert not decision.admitted


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"plan_digest": None}, "no Terraform plan"),
        ({"trial_problems": ["a: b"]}, "stored in run.json: 1."),
    ],
)
def test_weak_evidence_is_said_and_refuses_nothing(
    tmp_path: Path, facts: Mapping[str, Any], words: str
) -> None:
    """Remarks are shown beside an admitted decision."""
    decision = decide_on(write_results(tmp_path / "run", facts=facts))

    assert decision.admitted
    assert any(words in each for each in decision.remarks)


def test_a_good_full_run_has_no_remark(tmp_path: Path) -> None:
    """Nothing is said where nothing is weak, so that remarks are read."""
    decision = decide_on(write_results(tmp_path / "run"))

    assert (decision.refusals, decision.remarks) == ((), ())
    assert {Outcome.SUPPORTED} == {each.outcome for each in decision.claims}
