"""Writes a realistic results folder for the tests of the report.

Look at it: ``python tests/unit/report_sample.py FOLDER`` writes FOLDER/run-sample/report.html.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from harness.model.claim import Bound, Claim, Comparison, Documented, Trials
from harness.model.fidelity import Fidelity
from harness.model.finding import (
    Finding,
    Measurement,
    SabotageResult,
    TrialResult,
    conclude,
)
from harness.model.history import (
    Fault,
    FinalRead,
    Header,
    Observation,
    Operation,
    Outcome,
    Phase,
    Record,
    header_line,
    to_line,
)
from harness.model.verdict import Verdict
from harness.report.document import verdict_document

CLOCK = 81_234.5
"""Where the sample's monotonic clock stands; histories never begin at zero."""

Shape = Callable[[random.Random], list[Record]]


def operations(
    rng: random.Random,
    op: str,
    span: tuple[float, float],
    outcome: Callable[[float], tuple[Outcome, float]],
    *,
    spacing: float = 0.1,
) -> Iterable[Record]:
    """Yield invocations and completions; ``outcome`` says result and seconds taken at a time."""
    client = {"insert": "sql-0", "set": "cache-0", "request": "http-0"}[op]
    at, number = span[0], 0
    while at < span[1]:
        identity = f"{client}-{number:06d}"
        result, took = outcome(at)
        yield Operation(CLOCK + at, client, op, identity, Outcome.INVOKED)
        error = None if result is Outcome.OK else "connection refused"
        yield Operation(CLOCK + at + took, client, op, identity, result, error)
        at += max(spacing, took) + rng.uniform(0, 0.01)
        number += 1


def fault(name: str, begin: float, proven: float, end: float, **evidence: object) -> list[Record]:
    return [
        Fault(CLOCK + begin, name, Phase.INJECTED, {}),
        Fault(CLOCK + proven, name, Phase.PROVEN, evidence),
        Fault(CLOCK + end, name, Phase.HEALED, {}),
    ]


def see(at: float, probe: str, value: object) -> Observation:
    return Observation(CLOCK + at, probe, value)


def steady(holds: bool = True) -> Observation:
    return see(-9.5, "steady", {"holds": holds, "what": "5 Ready backends, writes are ok"})


def database(outage: float) -> Shape:
    def shape(rng: random.Random) -> list[Record]:
        def outcome(at: float) -> tuple[Outcome, float]:
            if 0 <= at < 0.2:
                return Outcome.INDETERMINATE, 2.0
            if 0 <= at < outage:
                return Outcome.FAILED, 0.25
            return Outcome.OK, rng.uniform(0.004, 0.02)

        records: list[Record] = [steady()]
        records += operations(rng, "insert", (-10, 60), outcome)
        records += fault("database_container_kill", 0.0, 0.4, 40, effect_at=CLOCK, timeline_after=8)
        for half in range(-20, 120):
            at = half / 2
            alive = at < 1 or at > outage - 1.2
            name = ("postgres-a" if at < 1 else "postgres-b") if alive else None
            timeline = (7 if at < 1 else 8) if alive else None
            value = {"primary": name, "timeline": timeline, "synchronous": []}
            records.append(see(at, "database", value))
        for at in (43.0, 44.0, 45.0):
            value = {"server": "postgres-a", "refused": True, "error": "read-only transaction"}
            records.append(see(at, "old_primary_write", value))
        records.append(see(5, "host", {"memory_available_bytes": 9 * 2**30, "load": 1.7}))
        ids = tuple(r.id for r in records if isinstance(r, Operation) and r.outcome is Outcome.OK)
        records.append(FinalRead(CLOCK + 61, "read_all", Outcome.OK, ids))
        return records

    return shape


def cache(rng: random.Random) -> list[Record]:
    def outcome(at: float) -> tuple[Outcome, float]:
        return (Outcome.FAILED, 0.2) if 0 <= at < 6.4 else (Outcome.OK, 0.003)

    records: list[Record] = [steady()]
    records += operations(rng, "set", (-10, 30), outcome, spacing=0.05)
    records += fault("cache_primary_kill", -0.02, 0.3, 22, effect_at=CLOCK)
    for half in range(-20, 60):
        at = half / 2
        name = "cache-a" if at < 5 else None if at < 6 else "cache-b"
        records.append(see(at, "cache", {"primary": name}))
    return records


def drain(budget: bool) -> Shape:
    def shape(rng: random.Random) -> list[Record]:
        records: list[Record] = [steady()]
        records += operations(
            rng,
            "request",
            (-10, 100),
            lambda at: (Outcome.FAILED, 0.05) if rng.random() < 0.002 else (Outcome.OK, 0.02),
        )
        records += fault("drain", 0.0, 0.3, 90, evicted=2)
        ready = {0.5: 4, 0.8: 3, 31: 4, 33: 3, 62: 4, 64: 5} if budget else {0.5: 1, 31: 3, 62: 5}
        level = 5
        for quarter in range(-40, 400):
            level = ready.get(quarter / 4, level)
            records.append(see(quarter / 4, "ready_backends", level))
        for number in range(80):
            at = 0.3 + number * 0.8
            accepted = number in (0, 1, 40, 42)
            records.append(
                see(
                    at,
                    "eviction",
                    {
                        "pod": f"backend-5c8-{number % 5}",
                        "node": "worker-a",
                        "status": 201 if accepted else 429,
                        "reason": "" if accepted else "DisruptionBudget",
                    },
                )
            )
        for node, end in (("worker-a", 58.0), ("worker-b", 71.5)):
            records.append(see(0.1, "drain", {"node": node, "state": "started", "seconds": 0.0}))
            done = {"node": node, "state": "completed", "seconds": end - 0.1}
            records.append(see(end, "drain", done))
        records += pods(5, moves={0: 0.5, 1: 0.8, 2: 33.0})
        return records

    return shape


def pods(count: int, moves: dict[int, float]) -> list[Record]:
    """Return pod changes: ``count`` pods, some replaced at the given times."""

    def change(
        at: float, name: str, phase: str, ready: bool, deleting: bool = False
    ) -> Observation:
        return see(
            at,
            "backend_pod",
            {
                "pod": f"backend-5c8d9f-{name}",
                "uid": f"uid-{name}",
                "node": "worker-a",
                "phase": phase,
                "ready": ready,
                "deleting": deleting,
            },
        )

    records: list[Record] = []
    for number in range(count):
        name = f"q{number}x{number}z"
        records += [change(-10, name, "Running", True)]
        records += [see(-10, "endpoint", {"pod": name, "node": "worker-a", "ready": True})]
        if number in moves:
            at = moves[number]
            records += [
                change(at, name, "Running", False, deleting=True),
                see(at + 0.1, "endpoint", {"pod": name, "ready": False, "removed": True}),
                change(at + 12, name, "Deleted", False),
                change(at + 0.2, f"n{name}", "Pending", False),
                change(at + 30, f"n{name}", "Running", True),
                see(at + 30.1, "endpoint", {"pod": f"n{name}", "node": "b", "ready": True}),
            ]
    return records


def node_loss(rng: random.Random) -> list[Record]:
    def outcome(at: float) -> tuple[Outcome, float]:
        if 0 <= at < 44 and rng.random() < 0.3:
            return Outcome.INDETERMINATE, 1.0
        return Outcome.OK, 0.02

    records: list[Record] = [steady()]
    records += operations(rng, "request", (-10, 170), outcome)
    records += fault("node_power_loss", 0.0, 0.2, 150, effect_at=CLOCK + 0.1)
    for node in ("worker-a", "worker-b", "worker-c", "database-worker"):
        records.append(see(-10, "node_ready", {"node": node, "ready": True}))
    records.append(see(43.7, "node_ready", {"node": "worker-b", "ready": False}))
    records.append(see(158.0, "node_ready", {"node": "worker-b", "ready": True}))
    records += pods(5, moves={1: 121.9, 3: 122.3})
    for second in range(-10, 170):
        ready = 5 if second < 44 or second > 153 else 3
        records.append(see(second, "ready_backends", ready))
    return records


def scaling(rng: random.Random) -> list[Record]:
    records: list[Record] = [steady()]
    records += operations(
        rng, "request", (-10, 900), lambda at: (Outcome.OK, rng.uniform(0.02, 0.09)), spacing=0.2
    )
    records += fault("load", 0.0, 24.0, 240)
    for at in range(-10, 900, 5):
        desired = 5 if at < 75 else 10 if at < 105 else 20 if at < 545 else 15
        desired = 11 if at >= 605 else desired
        desired = 8 if at >= 665 else desired
        desired = 5 if at >= 725 else desired
        cpu = None if at < 0 else 12 if at < 15 else max(64, 190 - at) if at < 240 else 9
        records.append(
            see(
                at,
                "hpa",
                {
                    "desired": desired,
                    "current": desired,
                    "ready": max(5, desired - 3 * (75 < at < 150)),
                    "cpu_percent": cpu,
                    "memory_percent": 40,
                    "scaling_active": True,
                    "reason": "",
                },
            )
        )
        records.append(see(at, "ready_backends", desired))
    return records


def claim(
    identity: str,
    sentence: str,
    indicator: str,
    bound: Bound,
    *documents: str,
    fidelity: Fidelity = Fidelity.SAME,
    documented: Documented | None = None,
    note: str = "",
) -> Claim:
    """Return a claim; ``documents`` are its experiment and its sabotage."""
    return Claim(
        identity,
        sentence,
        f"milestone 141, section 1.5, {identity}",
        indicator,
        bound,
        fidelity,
        *documents,
        Trials(1, 5),
        documented,
        note,
    )


_RDS = Documented(60, 120, "s", "Amazon RDS User Guide, Multi-AZ DB instance failover")
_S60 = Bound(Comparison.BELOW, 60, "s")

CASES: list[
    tuple[
        Claim,
        list[tuple[Shape | None, Verdict, str, Measurement | None]],
        tuple[str, Verdict | None, Shape | None],
    ]
] = [
    (
        claim(
            "database-failover-time",
            "The database fails over in less than 60 seconds.",
            "recovery_time",
            _S60,
            "database-container-kill",
            "asynchronous-standby",
            fidelity=Fidelity.STAND_IN,
            documented=_RDS,
        ),
        [
            (
                database(s),
                Verdict.SUPPORTED,
                f"The first of 5 consecutive ok inserts came {s} s after the primary was killed.",
                Measurement(s, "s", 0.12),
            )
            for s in (20.1, 19.4, 21.8)
        ],
        ("asynchronous-standby", Verdict.REFUTED, None),
    ),
    (
        claim(
            "database-no-acknowledged-loss",
            "No acknowledged write is lost in a failover.",
            "acknowledged_lost",
            Bound(Comparison.EQUAL, 0, "rows"),
            "database-container-kill",
            "asynchronous-standby",
            fidelity=Fidelity.STAND_IN,
            note="NFR-DR-02 allows an hour; Multi-AZ replicates synchronously.",
        ),
        [
            (
                database(s),
                Verdict.SUPPORTED,
                "All 482 acknowledged inserts are on the new primary.",
                Measurement(0, "rows", 0),
            )
            for s in (20.1, 19.4, 21.8)
        ],
        ("asynchronous-standby", Verdict.REFUTED, database(24.0)),
    ),
    (
        claim(
            "pdb-ready-minimum",
            "Ready backend pods never fall below 3 while nodes are drained.",
            "ready_minimum",
            Bound(Comparison.AT_LEAST, 3, "pods"),
            "pdb-drain",
            "no-pdb",
        ),
        [
            (
                drain(True),
                Verdict.SUPPORTED,
                "The lowest number of Ready backends was 3.",
                Measurement(3, "pods", 0),
            )
        ],
        ("no-pdb", Verdict.REFUTED, drain(False)),
    ),
    (
        claim(
            "pdb-drains-complete",
            "Draining two nodes completes within the node group's limit.",
            "drain_time",
            Bound(Comparison.AT_MOST, 900, "s"),
            "pdb-drain",
            "no-pdb",
        ),
        [
            (
                drain(True),
                Verdict.SUPPORTED,
                "Both drains completed; the slower one took 71.4 s.",
                Measurement(71.4, "s", 0.25),
            )
        ],
        ("no-pdb", None, None),
    ),
    (
        claim(
            "node-loss-replacement",
            "Pods of a lost node are replaced within 60 seconds.",
            "replacement_after_not_ready",
            Bound(Comparison.AT_MOST, 60, "s"),
            "node-power-loss",
            "slow-eviction-tolerations",
        ),
        [
            (
                node_loss,
                Verdict.REFUTED,
                "The last replacement was created 78.6 s after NotReady.",
                Measurement(78.6, "s", 0.5),
            )
        ],
        ("slow-eviction-tolerations", Verdict.REFUTED, None),
    ),
    (
        claim(
            "cache-failover-time",
            "The cache accepts writes again after a failover in seconds.",
            "recovery_time",
            Bound(Comparison.AT_MOST, 30, "s"),
            "cache-primary-kill",
            "no-sentinel-quorum",
            fidelity=Fidelity.STAND_IN,
        ),
        [
            (
                cache,
                Verdict.SUPPORTED,
                "The first of 5 consecutive ok sets came 6.44 s after the primary was killed.",
                Measurement(6.44, "s", 0.053),
            )
        ],
        ("no-sentinel-quorum", Verdict.REFUTED, None),
    ),
    (
        claim(
            "hpa-scale-up",
            "The backend scales from 5 to 20 replicas within 300 seconds of load.",
            "scale_up_time",
            Bound(Comparison.AT_MOST, 300, "s"),
            "hpa-load",
            "no-cpu-request",
        ),
        [
            (
                scaling,
                Verdict.SUPPORTED,
                "20 replicas were desired 105 s after the load began.",
                Measurement(105, "s", 5),
            )
        ],
        ("no-cpu-request", Verdict.REFUTED, None),
    ),
    (
        claim(
            "pod-kill-failed-requests",
            "Killing a pod fails at most 0.1 % of requests.",
            "failed_ratio",
            Bound(Comparison.AT_MOST, 0.001, "ratio"),
            "pod-kill",
            "no-graceful-stop",
        ),
        [
            (
                None,
                Verdict.INCONCLUSIVE,
                "The fault was not proven: no container start time advanced.",
                None,
            )
        ],
        ("no-graceful-stop", Verdict.SUPPORTED, None),
    ),
    (
        claim(
            "composite-availability",
            "The system is available 99.9 % of a month.",
            "published",
            Bound(Comparison.AT_LEAST, 0.999, "ratio"),
            "none",
            "none",
            fidelity=Fidelity.DOCUMENTED,
            documented=Documented(0.998201, 0.998201, "ratio", "product of the providers' SLAs"),
        ),
        [],
        ("none", None, None),
    ),
]

DIFFERENCES = [
    {
        "what": "Database is PostgreSQL 16 with Patroni",
        "production": "RDS Multi-AZ instance",
        "emulation": "three containers",
        "weakens": ["database-failover-time"],
    },
    {
        "what": "CPU requests and limits are scaled by 0.05",
        "production": "500m",
        "emulation": "25m",
        "weakens": ["hpa-scale-up"],
    },
    {
        "what": "Worker nodes",
        "production": "m6i.xlarge in three zones",
        "emulation": "kind nodes on one kernel",
        "weakens": [],
    },
]


def write_results(folder: Path, *, seed: int = 141) -> Path:
    """Write run ``run-sample`` under ``folder`` and return its path."""
    run_dir = folder / "run-sample"
    results = []
    for subject, shapes, (planted, planted_verdict, planted_shape) in CASES:
        trials = []
        for number, (shape, verdict, reason, measured) in enumerate(shapes, start=1):
            path = f"{subject.id}/trial-{number}/history.jsonl"
            if shape is not None:
                _write(run_dir / path, subject, shape(random.Random(seed + number)))
            finding = Finding(verdict, reason, measured, (("consecutive ok needed", "5"),))
            trials.append(TrialResult(f"trial-{number}", finding, (path,)))
        evidence: tuple[str, ...] = ()
        if planted_shape is not None:
            path = f"{subject.id}/sabotage/history.jsonl"
            _write(run_dir / path, subject, planted_shape(random.Random(seed)))
            evidence = (path,)
        reason = "The planted defect broke the bound." if planted_verdict is Verdict.REFUTED else ""
        results.append(
            conclude(subject, trials, SabotageResult(planted, planted_verdict, reason, evidence))
        )
    _dump(run_dir / "verdict.json", verdict_document("run-sample", results, DIFFERENCES))
    _dump(run_dir / "run.json", _run_facts(seed))
    return run_dir


def _run_facts(seed: int) -> dict[str, object]:
    return {
        "run": "run-sample",
        "lane": "emulate",
        "commit": "720fff1c2b0e4b8a",
        "dirty": True,
        "argv": ["python", "-m", "harness", "run", "--all"],
        "seed": seed,
        "started": "2026-03-02T10:00:00+00:00",
        "finished": "2026-03-02T10:41:12+00:00",
        "images": {"database": "sha256:" + "ab" * 32, "backend": "sha256:" + "cd" * 32},
        "host": {"kernel": "6.1.0", "cpus": 2, "memory_bytes": 24 * 2**30},
        "differences": DIFFERENCES,
        "not_tested": [
            {"what": "CloudFront", "why": "no free emulator models its edge network"},
            {"what": "Duration of an RDS failover", "why": "the standby here is run by Patroni"},
        ],
    }


def _write(path: Path, subject: Claim, records: list[Record]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [header_line(Header(subject.id, 0.1))]
    lines += [to_line(record) for record in sorted(records, key=lambda record: record.at)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _dump(path: Path, document: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    from harness.report.html import write_report

    sys.stdout.write(f"{write_report(write_results(Path(sys.argv[1])))}\n")
