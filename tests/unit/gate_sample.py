"""A small repository with three claims, and a run of it, for the tests of the gate."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from harness.gate.facts import RunFacts, read_facts
from harness.gate.policy import Decision, decide
from harness.gate.waivers import Waiver
from harness.model.claim import Bound, Claim, Comparison, Trials
from harness.model.fidelity import Fidelity
from harness.model.finding import Finding, Measurement, SabotageResult, TrialResult, conclude
from harness.model.verdict import Verdict
from harness.report.document import verdict_document
from harness.report.stored import StoredRun, read_run

TODAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
COMMIT = "c0ffee" + "0" * 34
MANIFESTS = "ab" * 32
PLAN = "cd" * 32
IMAGE = "ef" * 32
FLOOR, TIME, ROWS = "ready-floor", "failover-time", "rows-lost"
SUPPORTED, REFUTED, INCONCLUSIVE = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.INCONCLUSIVE


def claim(id: str, indicator: str, bound: Bound, trials: Trials) -> Claim:
    return Claim(
        id=id,
        sentence=f"The promise {id} holds.",
        place="section 5.1",
        indicator=indicator,
        bound=bound,
        fidelity=Fidelity.SAME,
        experiment="an-experiment",
        sabotage="a-sabotage",
        trials=trials,
    )


CLAIMS = (
    claim(FLOOR, "ready_minimum", Bound(Comparison.AT_LEAST, 3.0, "pods"), Trials(1, 3)),
    claim(TIME, "drain_time", Bound(Comparison.AT_MOST, 60.0, "s"), Trials(2, 5)),
    claim(ROWS, "evictions_refused", Bound(Comparison.AT_LEAST, 1.0, "evictions"), Trials(1, 1)),
)


def waiver(id: str, expires: date = TODAY, place: str = "gate/waivers.yaml:3") -> Waiver:
    return Waiver(id, "known to the owner", "platform@example.org", expires, "watch it", place)


def claims_text(claims: Sequence[Claim] = CLAIMS) -> str:
    entries = [
        {
            "id": c.id,
            "sentence": c.sentence,
            "place": c.place,
            "indicator": c.indicator,
            "bound": {
                "comparison": c.bound.comparison.value,
                "value": c.bound.value,
                "unit": c.bound.unit,
            },
            "fidelity": c.fidelity.value,
            "experiment": c.experiment,
            "sabotage": c.sabotage,
            "trials": {"quick": c.trials.quick, "full": c.trials.full},
        }
        for c in claims
    ]
    return json.dumps({"claims": entries}, indent=1)


def waivers_text(*waivers: Waiver) -> str:
    lines = ["waivers:"] if waivers else ["waivers: []"]
    for each in waivers:
        lines += [
            f"  - claim: {each.claim}",
            f"    reason: {each.reason}",
            f"    owner: {each.owner}",
            f"    expires: {each.expires}",
            f"    compensating_measure: {each.compensating_measure}",
        ]
    return "\n".join(lines) + "\n"


def write_repository(folder: Path, *waivers: Waiver) -> str:
    """Write a git repository with claims and waivers, and return its only commit."""
    (folder / "gate").mkdir(parents=True)
    (folder / "experiments").mkdir()
    (folder / "gate" / "waivers.yaml").write_text(waivers_text(*waivers))
    (folder / "experiments" / "claims.yaml").write_text(claims_text())
    git(folder, "init", "--quiet")
    return commit_all(folder)


def commit_all(folder: Path) -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "sample")
    return git(folder, "rev-parse", "HEAD").strip()


def git(folder: Path, *arguments: str) -> str:
    person = {
        f"GIT_{who}_{what}": "sample@example.org"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        env={**os.environ, **person, **nobody},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def write_results(
    folder: Path,
    verdicts: Mapping[str, Verdict] | None = None,
    *,
    trials: Mapping[str, int] | None = None,
    judged: Sequence[str] = (FLOOR, TIME, ROWS),
    facts: Mapping[str, Any] | None = None,
) -> Path:
    """Write a results folder; ``facts`` replaces fields of run.json, None removes one."""
    folder.mkdir(parents=True)
    results = []
    for subject in CLAIMS:
        if subject.id not in judged:
            continue
        verdict = (verdicts or {}).get(subject.id, SUPPORTED)
        count = (trials or {}).get(subject.id, subject.trials.full)
        good = subject.bound.value
        bad = good / 2 if subject.bound.comparison is Comparison.AT_LEAST else good * 2
        value = bad if verdict is REFUTED else good
        finding = Finding(
            verdict,
            f"{subject.id} was measured as {value:g} {subject.bound.unit}.",
            None if verdict is INCONCLUSIVE else Measurement(value, subject.bound.unit, 0.5),
        )
        listed = [TrialResult(f"trial-{number}", finding) for number in range(1, count + 1)]
        planted = SabotageResult("a-sabotage", REFUTED, "The planted defect broke the bound.")
        results.append(conclude(subject, listed, planted))
    differences = [{"what": "Worker nodes", "weakens": [FLOOR]}]
    document = verdict_document("run-1", results, differences)
    (folder / "verdict.json").write_text(json.dumps(document))
    stored = {**run_facts(), **(facts or {})}
    about = {name: value for name, value in stored.items() if value is not None}
    (folder / "run.json").write_text(json.dumps(about))
    return folder


def run_facts() -> dict[str, Any]:
    return {
        "run": "run-1",
        "commit": COMMIT,
        "dirty": False,
        "status": "completed",
        "lane": "full",
        "seed": 7,
        "started": "2026-03-02T10:00:00+00:00",
        "finished": "2026-03-02T11:00:00+00:00",
        "code": "0123456789abcdef",
        "manifest_digests": {
            "emulation": "sha256:" + "00" * 32,
            "production": "sha256:" + MANIFESTS,
        },
        "plan_digest": "sha256:" + PLAN,
        "image_digests": {"backend": "sha256:" + IMAGE},
        "trial_problems": [],
        "differences": [{"what": "Worker nodes", "weakens": [FLOOR]}],
    }


def edit(path: Path, change: Mapping[str, Any]) -> None:
    """Replace fields of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))


def read(folder: Path) -> tuple[StoredRun, RunFacts]:
    problems: list[str] = []
    path = folder / "run.json"
    facts = read_facts(path, json.loads(path.read_text()), problems)
    assert not problems, problems
    return read_run(folder), facts


def decide_on(folder: Path, *waivers: Waiver, today: date = TODAY) -> Decision:
    run, facts = read(folder)
    return decide(run, facts, CLAIMS, waivers, today=today)
