"""Judging stored runs: verdict.json, sabotages, bad input."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from harness.errors import ExitCode, InputInvalid
from harness.judge import judge_history, judge_run, keep_sabotages, read_history
from harness.model.history import History, Outcome, header_line, to_line
from harness.model.sabotage import Sabotage
from harness.model.verdict import Verdict
from harness.sabotage_store import SabotageStore
from tests.unit.histories import claim, fault, history, operations

SUPPORTED, REFUTED, INCONCLUSIVE = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.INCONCLUSIVE
FAILOVER = claim("recovery_time", "below", 60, id="failover", sabotage="no-standby")
OUTAGE = claim("unavailability", "at_most", 86.4, id="outage", sabotage="slow-eviction-tolerations")
SABOTAGES = {
    "no-standby": Sabotage("no-standby", "The standby is gone.", "an-experiment", ("failover",), ())
}


def recovered_after(seconds: float) -> History:
    return history(
        operations(90, 100),
        fault(),
        operations(100, 100 + seconds, Outcome.FAILED),
        operations(100 + seconds, 102 + seconds),
    )


def write(folder: Path, recorded: History) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    lines = [header_line(recorded.header), *map(to_line, recorded.records)]
    path = folder / "history.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A run with one claim: two good trials and a sabotage that was refuted."""
    run = tmp_path / "results" / "run-1"
    write(run / "failover" / "trial-1", recovered_after(20))
    write(run / "failover" / "trial-2", recovered_after(31))
    write(run / "failover" / "sabotage", recovered_after(90))
    return run


@pytest.fixture
def store(tmp_path: Path) -> SabotageStore:
    return SabotageStore(tmp_path / "store" / "digest", "digest")


def test_a_run_is_judged_and_stored(results: Path, store: SabotageStore) -> None:
    """The worst trial is judged; verdict.json has the design's form."""
    judged = judge_run(results, [FAILOVER, OUTAGE], store, sabotages=SABOTAGES)
    document = json.loads((results / "verdict.json").read_text())
    [entry] = document["claims"]

    assert judged.verdict is SUPPORTED
    assert document == judged.document
    assert (document["run"], document["verdict"], document["differences"]) == (
        "run-1",
        "supported",
        [],
    )
    assert entry["id"] == "failover"
    assert entry["bound"] == {"comparison": "below", "value": 60, "unit": "s"}
    assert entry["measured"]["value"] == pytest.approx(31.01)
    assert [trial["trial"] for trial in entry["measured"]["trials"]] == ["trial-1", "trial-2"]
    assert entry["evidence"] == [
        "failover/trial-1/history.jsonl",
        "failover/trial-2/history.jsonl",
    ]
    assert entry["sabotage"]["verdict"] == "refuted"
    assert entry["sabotage"]["what"] == "no-standby: The standby is gone."
    assert all((results / path).is_file() for path in entry["evidence"])


def test_judging_again_gives_the_same_file(results: Path, store: SabotageStore) -> None:
    """Byte for byte."""
    judge_run(results, [FAILOVER], store, sabotages=SABOTAGES)
    first = (results / "verdict.json").read_bytes()
    judge_run(results, [FAILOVER], store, sabotages=SABOTAGES)

    assert first == (results / "verdict.json").read_bytes()


def test_a_kept_sabotage_serves_later_runs_of_the_same_code(
    results: Path, store: SabotageStore
) -> None:
    """Its evidence is put into the run, which can then be judged again without the store."""
    keep_sabotages(results, judge_run(results, [FAILOVER], store), store)
    later = results.parent / "run-2"
    write(later / "failover" / "trial-1", recovered_after(20))

    assert store.proven(FAILOVER)
    assert judge_run(later, [FAILOVER], store).verdict is SUPPORTED
    assert (later / "failover" / "sabotage" / "history.jsonl").is_file()
    assert judge_run(later, [FAILOVER], None).verdict is SUPPORTED


def test_without_its_sabotage_a_claim_is_inconclusive(results: Path, store: SabotageStore) -> None:
    """Nothing kept for this version, nothing run: the check may be unable to fail."""
    (results / "failover" / "sabotage" / "history.jsonl").unlink()
    judged = judge_run(results, [FAILOVER], store)

    assert judged.verdict is INCONCLUSIVE
    assert "not run for this version" in judged.claims[0].reason
    assert not store.proven(FAILOVER)


def test_a_sabotage_that_is_not_refuted_takes_the_support_away(
    results: Path, store: SabotageStore
) -> None:
    """A check that passes a planted defect is no check."""
    write(results / "failover" / "sabotage", recovered_after(20))

    assert judge_run(results, [FAILOVER], store).verdict is INCONCLUSIVE


def test_a_planned_claim_without_a_history_is_inconclusive(
    results: Path, store: SabotageStore
) -> None:
    """run.json says what was to be judged; what never ran is no pass."""
    (results / "run.json").write_text(json.dumps({"claims": ["failover", "outage"]}))
    judged = judge_run(results, [FAILOVER, OUTAGE], store)

    assert [c.verdict for c in judged.claims] == [SUPPORTED, INCONCLUSIVE]
    assert judged.claims[1].reason == "No trial was run."


def test_the_full_lane_needs_its_trials(results: Path, store: SabotageStore) -> None:
    """Two of five trials support nothing."""
    (results / "run.json").write_text(json.dumps({"lane": "full"}))
    [judged] = judge_run(results, [FAILOVER], store).claims

    assert judged.verdict is INCONCLUSIVE
    assert "Too few trials: 2 of 5" in judged.reason


def test_differences_of_the_run_are_passed_on(results: Path, store: SabotageStore) -> None:
    """Unchanged, from run.json."""
    differences = [
        {"what": "cpu", "production": "500m", "emulation": "25m", "why": "x", "weakens": []}
    ]
    (results / "run.json").write_text(json.dumps({"differences": differences}))

    assert judge_run(results, [FAILOVER], store).document["differences"] == differences


@pytest.mark.parametrize(
    ("status", "seconds", "expected"),
    [
        ("completed", 20, SUPPORTED),
        ("failed", 20, INCONCLUSIVE),
        ("interrupted", 20, INCONCLUSIVE),
        ("failed", 70, REFUTED),
    ],
)
def test_support_needs_a_trial_that_ran_as_it_should(
    results: Path, store: SabotageStore, status: str, seconds: float, expected: Verdict
) -> None:
    """A failed action or a lost watcher takes support away, but not what was seen to break."""
    folder = results / "failover" / "trial-1"
    write(folder, recovered_after(seconds))
    ending = {"status": status, "problems": ["method, action 'kill': it failed."]}
    (folder / "journal.json").write_text(json.dumps({"harness": ending}))

    assert expected is judge_run(results, [FAILOVER], store).verdict


def test_trials_are_in_their_natural_order(results: Path, store: SabotageStore) -> None:
    """The tenth trial comes after the second."""
    write(results / "failover" / "trial-10", recovered_after(5))
    [judged] = judge_run(results, [FAILOVER], store).claims

    assert [t.trial for t in judged.trials] == ["trial-1", "trial-2", "trial-10"]


def test_an_empty_history_is_no_pass_and_no_error(results: Path, store: SabotageStore) -> None:
    """A worker that was killed before its first line leaves nothing to judge."""
    (results / "failover" / "trial-1" / "history.jsonl").write_text("")
    [judged] = judge_run(results, [FAILOVER], store).claims

    assert judged.trials[0].finding.verdict is INCONCLUSIVE
    assert judged.verdict is INCONCLUSIVE


def test_a_malformed_history_is_refused(results: Path, store: SabotageStore) -> None:
    """File, line, field, expected and got; exit code usage; no verdict is written."""
    path = results / "failover" / "trial-1" / "history.jsonl"
    path.write_text(path.read_text() + '{"at": "late", "probe": "x", "value": 1}\n')

    with pytest.raises(InputInvalid, match=r"history\.jsonl: line \d+: field 'at'") as caught:
        judge_run(results, [FAILOVER], store)
    assert caught.value.exit_code is ExitCode.USAGE
    assert not (results / "verdict.json").exists()


def test_histories_of_unknown_claims_are_refused(results: Path, store: SabotageStore) -> None:
    """A run of other claims cannot be judged with these."""
    with pytest.raises(InputInvalid, match=r"failover: expected a claim of claims\.yaml"):
        judge_run(results, [OUTAGE], store)


@pytest.mark.parametrize(
    ("content", "message"), [("[]", "expected a JSON object, got list"), ("{", "got: Expecting")]
)
def test_a_bad_run_file_is_refused(
    results: Path, store: SabotageStore, content: str, message: str
) -> None:
    """run.json must be an object."""
    (results / "run.json").write_text(content)

    with pytest.raises(InputInvalid, match=re.escape(message)):
        judge_run(results, [FAILOVER], store)


def test_a_folder_without_histories_is_refused(tmp_path: Path, store: SabotageStore) -> None:
    """Neither an empty folder nor none at all is a run."""
    with pytest.raises(InputInvalid, match="expected histories as"):
        judge_run(tmp_path, [FAILOVER], store)
    with pytest.raises(InputInvalid, match="expected the folder of a stored run"):
        judge_run(tmp_path / "none", [FAILOVER], store)


def test_one_history_can_be_judged_alone(results: Path) -> None:
    """For a person who holds a single file."""
    path = results / "failover" / "trial-1" / "history.jsonl"

    assert judge_history(path, FAILOVER).verdict is SUPPORTED
    assert len(read_history(path).attempts) > 100
