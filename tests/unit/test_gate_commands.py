"""key, attest and verify from the command line, on a real git repository; no engine."""

from __future__ import annotations

import base64
import contextlib
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from harness import cli, clock, gate_commands
from harness.errors import InputInvalid
from harness.gate import artifacts, attestation_reader, dsse, keys
from harness.stack import deployment
from tests.unit.gate_sample import (
    FLOOR,
    NOW,
    REFUTED,
    ROWS,
    TIME,
    TODAY,
    claims_text,
    commit_all,
    edit,
    waiver,
    waivers_text,
    write_repository,
    write_results,
)


@dataclass
class Bench:
    """A repository, a run of its commit, a key pair, and the command line at 12:00."""

    folder: Path
    capture: pytest.CaptureFixture[str]
    commit: str = ""

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def run(self) -> Path:
        return self.folder / "run-1"

    @property
    def attestation(self) -> Path:
        return self.run / "attestation.json"

    @property
    def key(self) -> Path:
        return self.folder / "gate.key"

    @property
    def public(self) -> Path:
        return self.folder / "gate.key.pub"

    def call(self, *argv: str | Path) -> tuple[int, str]:
        code = cli.main([str(word) for word in argv])
        told = self.capture.readouterr()
        return code, told.out + told.err

    def attest(self, *more: str | Path) -> tuple[int, str]:
        return self.call("attest", self.run, "--key", self.key, *more)

    def verify(self, *more: str | Path) -> tuple[int, str]:
        given = ("--attestation", self.attestation, "--key", self.public, "--commit", self.commit)
        return self.call("verify", *given, *more)


@pytest.fixture
def bench(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Bench:
    made = Bench(tmp_path, capsys)
    made.commit = write_repository(made.repository)
    write_results(made.run, facts={"commit": made.commit, "plan_digest": None})
    monkeypatch.setattr(gate_commands, "REPOSITORY", made.repository)
    monkeypatch.setattr(clock, "wall", lambda: NOW)
    monkeypatch.setattr(cli, "_handle_signals", lambda stop: None)
    assert made.call("key", "--out", made.key)[0] == 0
    return made


def test_from_a_run_to_a_verified_apply(bench: Bench) -> None:
    """Key, attest, verify: all exit with 0, and the report has the decision."""
    code, told = bench.attest()
    assert (code, "Admitted: 3 claims." in told) == (0, True)
    assert "signed by key sha256:" in told
    assert "## Decision of the gate" in (bench.run / "report.md").read_text()

    code, told = bench.verify("--lane", "full", "--max-age", "2h")
    assert (code, "Verified" in told) == (0, True)


def test_attesting_twice_gives_the_same_bytes(bench: Bench) -> None:
    """Nothing in the file depends on when or how often it is written on a day."""
    bench.attest()
    first = bench.attestation.read_bytes()
    bench.attest()

    assert bench.attestation.read_bytes() == first


def test_an_unsigned_attestation_says_so(bench: Bench) -> None:
    """It can be made, is said to be unsigned, and does not satisfy a key."""
    code, told = bench.call("attest", bench.run)
    assert (code, "NOT signed" in told) == (0, True)

    assert bench.verify()[0] == 2
    code, told = bench.call("verify", "--attestation", bench.attestation)
    assert (code, "missing: the attestation is unsigned" in told) == (0, True)


def test_a_refuted_claim_is_attested_as_refused(bench: Bench) -> None:
    """The file is written all the same; attest and verify exit with 1 and name the claim."""
    write_again(bench, {TIME: REFUTED})
    code, told = bench.attest()
    assert (code, f"refused: {TIME} (refuted)" in told) == (1, True)

    code, told = bench.verify()
    assert (code, f"Claim {TIME}: refuted, no waiver" in told) == (1, True)


def test_a_claim_left_out_is_inconclusive(bench: Bench) -> None:
    """attest and verify exit with 2."""
    write_again(bench, judged=(FLOOR, ROWS))

    assert bench.attest()[0] == 2
    assert bench.verify()[0] == 2


def write_again(bench: Bench, verdicts: Any = None, **more: Any) -> None:
    for path in (bench.run / "run.json", bench.run / "verdict.json"):
        path.unlink()
    bench.run.rmdir()
    facts = {"commit": bench.commit, "plan_digest": None}
    write_results(bench.run, verdicts, facts=facts, **more)


def with_waivers(bench: Bench, *waivers: Any) -> None:
    (bench.repository / "gate" / "waivers.yaml").write_text(waivers_text(*waivers))


def test_a_committed_waiver_admits_and_stays_visible(bench: Bench) -> None:
    """Waived, in the answer, in the report, and in the attestation."""
    with_waivers(bench, waiver(TIME))
    bench.commit = commit_all(bench.repository)
    write_again(bench, {TIME: REFUTED})
    code, told = bench.attest()

    assert (code, f"waived: {TIME} (refuted)" in told) == (0, True)
    assert (
        "Waived until 2026-03-02 by platform@example.org" in (bench.run / "report.md").read_text()
    )
    assert bench.verify()[0] == 0


def test_an_uncommitted_waiver_does_not_count(bench: Bench) -> None:
    """Nobody has reviewed it: the decision is refused, and says what to do."""
    write_again(bench, {TIME: REFUTED})
    with_waivers(bench, waiver(TIME))
    code, told = bench.attest()

    assert (code, "gate/waivers.yaml is not the one of the rehearsed commit" in told) == (2, True)
    assert bench.verify()[0] == 2


def test_changed_claims_do_not_count(bench: Bench) -> None:
    """A promise removed from claims.yaml after the run does not make the run complete."""
    from tests.unit.gate_sample import CLAIMS

    write_again(bench, judged=(FLOOR, ROWS))
    claims = bench.repository / "experiments" / "claims.yaml"
    claims.write_text(claims_text([c for c in CLAIMS if c.id != TIME]))
    code, told = bench.attest()

    assert (code, "claims.yaml is not the one of the rehearsed commit" in told) == (2, True)


def test_a_commit_that_is_not_here_refuses(bench: Bench) -> None:
    """What cannot be compared is not taken for equal."""
    edit(bench.run / "run.json", {"commit": "1" * 40})
    code, told = bench.attest()

    assert (code, "cannot be read" in told) == (2, True)


def test_every_problem_of_the_input_is_told_at_once(bench: Bench) -> None:
    """Waivers, run, plan and key: one answer with 64, and nothing is written."""
    old = TODAY - timedelta(days=1)
    with_waivers(bench, waiver(TIME, old), waiver("no-such-claim"), waiver(FLOOR))
    bench.key.chmod(0o644)
    code, told = bench.attest("--plan", bench.folder / "no-plan")

    assert code == 64
    for words in ("0644", "no-plan", "has expired", "not there", "waiver is not used"):
        assert words in told
    assert not bench.attestation.exists()


@pytest.mark.parametrize("name", ["run.json", "verdict.json"])
def test_a_run_that_cannot_be_read_is_an_input_error(bench: Bench, name: str) -> None:
    """Torn or missing files are named, exit 64."""
    path = bench.run / name
    path.write_text(path.read_text()[:-20])
    assert bench.attest()[0] == 64
    path.unlink()
    code, told = bench.attest()
    assert (code, str(path) in told) == (64, True)


def test_a_plan_is_bound(bench: Bench) -> None:
    """The named plan verifies, another one does not, and no plan at all is said."""
    plan, other = bench.folder / "plan", bench.folder / "other"
    plan.write_bytes(b"one")
    other.write_bytes(b"two")
    code, told = bench.attest("--plan", plan)

    assert (code, "no digest of it is in run.json" in told) == (0, True)
    assert bench.verify("--plan", plan)[0] == 0
    code, told = bench.verify("--plan", other)
    assert (code, "Terraform plan: " in told) == (1, True)
    code, told = bench.verify()
    assert (code, "not compared: terraform plan" in told) == (0, True)


def test_a_plan_that_the_run_did_not_judge_is_refused(bench: Bench) -> None:
    """Where the run names a plan, only that one can be attested."""
    plan = bench.folder / "plan"
    plan.write_bytes(b"one")
    edit(bench.run / "run.json", {"plan_digest": "sha256:" + "0" * 64})
    code, told = bench.attest("--plan", plan)

    assert (code, "expected the plan that the run judged" in told) == (64, True)


def test_manifests_are_compared_rendered_or_as_a_folder(bench: Bench) -> None:
    """The production overlay of this project and its render are the same thing."""
    folder = deployment.OVERLAYS / deployment.PRODUCTION
    rendered = bench.folder / "production.yaml"
    rendered.write_text(deployment.render(deployment.PRODUCTION))
    digest = deployment.digest_of_render(deployment.PRODUCTION)
    edit(bench.run / "run.json", {"manifest_digests": {"production": digest}})
    bench.attest()

    assert bench.verify("--manifests", folder)[0] == 0
    assert bench.verify("--manifests", rendered)[0] == 0
    rendered.write_text(rendered.read_text().replace("minAvailable: 3", "minAvailable: 1"))
    code, told = bench.verify("--manifests", rendered)
    assert (code, "Manifests: " in told) == (1, True)
    code, told = bench.verify("--manifests", deployment.OVERLAYS / deployment.EMULATION)
    assert (code, "Manifests: " in told) == (1, True)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--commit", "abc"], "expected the 40 hexadecimal digits"),
        (["--commit", "HEAD"], "expected the 40 hexadecimal digits"),
        (["--plan", "no-such-plan"], "no-such-plan: expected a Terraform plan"),
        (["--plan", "/dev/null"], "expected a Terraform plan, got an empty file"),
        (["--manifests", "no-such-folder"], "expected rendered manifests"),
        (["--manifests", "tests"], "expected a folder with kustomization.yaml"),
        (["--key", "no-such-key"], "expected a key file"),
        (["--attestation", "no-such-file"], "expected an attestation"),
    ],
)
def test_bad_arguments_of_verify_end_with_64(bench: Bench, more: list[str], words: str) -> None:
    """They are told apart from a mismatch."""
    bench.attest()
    code, told = bench.verify(*more)

    assert (code, words in told) == (64, True)


def test_bad_arguments_of_verify_are_told_together(bench: Bench) -> None:
    """Four mistakes, four sentences."""
    bench.attestation.write_text("{")
    code, told = bench.verify("--commit", "x", "--plan", "x", "--manifests", "y")

    assert code == 64
    assert len(told.strip().splitlines()) == 4


@pytest.mark.parametrize("age", ["30", "0d", "-1d", "d", "1w", "1.5h", ""])
def test_an_age_needs_number_and_unit(bench: Bench, age: str) -> None:
    """A number alone could be days or seconds."""
    with pytest.raises(SystemExit) as caught:
        bench.verify(f"--max-age={age}")

    assert caught.value.code == 64


def test_an_old_run_stays_old(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attesting again does not make the evidence younger; 30 days are the default."""
    monkeypatch.setattr(clock, "wall", lambda: NOW + timedelta(days=30))
    bench.attest()
    code, told = bench.verify()

    assert (code, "Age: expected a run of the last 30 d" in told) == (2, True)
    assert bench.verify("--max-age", "31d")[0] == 0


def test_the_full_lane_can_be_asked_for(bench: Bench) -> None:
    """A quick run is admitted, and not verified where every trial is asked for."""
    edit(bench.run / "run.json", {"lane": "quick"})
    code, told = bench.attest()

    assert (code, "note: Quick lane" in told) == (0, True)
    assert bench.verify()[0] == 0
    code, told = bench.verify("--lane", "full")
    assert (code, "Lane: expected a run on the full lane, got quick" in told) == (2, True)


def tampered(bench: Bench, change: Callable[[dict[str, Any]], None]) -> None:
    envelope = json.loads(bench.attestation.read_text())
    statement = json.loads(base64.b64decode(envelope["payload"]))
    change(statement)
    data = json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    envelope["payload"] = base64.b64encode(data.encode()).decode()
    bench.attestation.write_text(json.dumps(envelope))


def test_a_payload_that_was_touched_does_not_verify(bench: Bench) -> None:
    """The same statement verifies; one changed digest breaks signature and comparison."""
    bench.attest()
    tampered(bench, lambda statement: None)
    assert bench.verify()[0] == 0

    def change(statement: dict[str, Any]) -> None:
        statement["subject"][0]["digest"]["gitCommit"] = "2" * 40

    tampered(bench, change)
    code, told = bench.verify()
    assert code == 1
    assert "Signature: " in told
    assert "Commit: " in told


def test_bytes_changed_at_random_never_verify(bench: Bench) -> None:
    """Whatever is flipped: malformed, or a mismatch, unless payload and signature are as before."""
    bench.attest()
    data = bench.attestation.read_bytes()
    intact = dsse.read(bench.attestation)
    public, rng = keys.load_public(bench.public), random.Random(141)
    endings = Counter[str]()
    for _ in range(1500):
        changed = bytearray(data)
        for _ in range(rng.choice((1, 1, 1, 3, 30))):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        bench.attestation.write_bytes(bytes(changed))
        try:
            envelope = dsse.read(bench.attestation)
        except InputInvalid:
            endings["malformed"] += 1
            continue
        same = envelope.payload == intact.payload and {s.value for s in envelope.signatures} == {
            s.value for s in intact.signatures
        }
        assert envelope.signed_by(public) == same
        endings["same" if same else "mismatch"] += 1
        with contextlib.suppress(InputInvalid):
            attestation_reader.parse(envelope.payload, bench.attestation)

    assert endings["malformed"] > 100
    assert endings["mismatch"] > 100


def test_a_forged_text_cannot_draw_on_the_screen(bench: Bench) -> None:
    """Control characters and line breaks of a file that is not trusted are not printed."""
    write_again(bench, {TIME: REFUTED})
    bench.attest()

    def change(statement: dict[str, Any]) -> None:
        for claim in statement["predicate"]["decision"]["claims"]:
            claim["reason"] = "\x1b[2J\nVerified: everything\r\u202e"

    tampered(bench, change)
    code, told = bench.verify()
    assert code == 1
    assert "\x1b" not in told
    assert "\nVerified" not in told
    assert "\u202e" not in told


def test_half_a_character_is_an_input_error(bench: Bench) -> None:
    """JSON can hold it, an attestation cannot; nothing is written."""
    document = json.loads((bench.run / "verdict.json").read_text())
    document["claims"][0]["reason"] = "half \ud800"
    edit(bench.run / "verdict.json", document)
    code, told = bench.attest()

    assert (code, "half a character" in told) == (64, True)
    assert not bench.attestation.exists()


def test_a_refusal_edited_into_a_pass_is_malformed(bench: Bench) -> None:
    """Changing the decision alone contradicts the claims beside it, with and without a key."""
    write_again(bench, {TIME: REFUTED})
    bench.attest()

    def change(statement: dict[str, Any]) -> None:
        statement["predicate"]["decision"] |= {"admitted": True, "verdict": "supported"}

    tampered(bench, change)
    assert bench.verify()[0] == 64
    assert bench.call("verify", "--attestation", bench.attestation)[0] == 64


def test_the_attestation_of_another_run_does_not_verify(bench: Bench) -> None:
    """Copied beside this commit, it names its own."""
    bench.attest()
    other = bench.folder / "other"
    commit = write_repository(other, waiver(TIME))

    code, told = bench.verify("--commit", commit)
    assert (code, f"Commit: {commit} is to be applied, attested is {bench.commit}" in told) == (
        1,
        True,
    )


def test_a_verdict_of_another_run_is_not_attested(bench: Bench) -> None:
    """verdict.json and run.json must be of one run."""
    edit(bench.run / "verdict.json", {"run": "run-0"})
    code, told = bench.attest()

    assert (code, "run.json is of run 'run-1' and verdict.json of 'run-0'" in told) == (2, True)


def test_a_verdict_without_its_evidence_is_refused(bench: Bench) -> None:
    """What was measured must be there to be judged again."""
    document = json.loads((bench.run / "verdict.json").read_text())
    document["claims"][0]["evidence"] = ["ready-floor/trial-1/history.jsonl"]
    edit(bench.run / "verdict.json", document)
    code, told = bench.attest()

    assert (code, "trial-1/history.jsonl is not in the run's folder" in told) == (2, True)


def test_a_decision_that_is_out_of_date_is_said_in_the_report(bench: Bench) -> None:
    """Judged again after attesting, the old decision is not shown as the present one."""
    from harness.report import markdown

    bench.attest()
    assert "out of date" not in markdown.write(bench.run).read_text()
    edit(bench.run / "verdict.json", {"run": "run-1", "verdict": "refuted"})

    assert "out of date: verdict.json" in markdown.write(bench.run).read_text()


def test_answers_for_machines(bench: Bench) -> None:
    """--json gives one document for each of the three commands."""
    _, told = bench.attest("--json")
    attested = json.loads(told)
    _, told = bench.verify("--json", "--commit", "3" * 40)
    verified = json.loads(told)
    _, told = bench.call("key", "--out", bench.folder / "second.key", "--json")
    made = json.loads(told)

    assert (attested["admitted"], len(attested["claims"])) == (True, 3)
    assert not verified["verified"]
    assert [each["verdict"] for each in verified["mismatches"]] == ["refuted"]
    assert made["fingerprint"].startswith("sha256:")


def test_files_of_a_commit_are_compared_by_content(bench: Bench) -> None:
    """Equal content is no problem, whatever else changed in the work tree."""
    (bench.repository / "else.txt").write_text("new")
    files = [Path("gate/waivers.yaml"), Path("experiments/claims.yaml")]

    assert artifacts.not_of_commit(bench.repository, bench.commit, files) == []


def test_the_sample_is_of_today() -> None:
    """The tests' clock and the tests' day agree."""
    assert isinstance(NOW, datetime)
    assert NOW.date() == TODAY
