"""How long judging a history of a million operations takes, and how much memory.

Run: ``python -m benchmarks.judging [operations]``. Prints one JSON object; the limits are 10 s
and 1 GiB for parsing and all client-side checkers together, and 5 s for the timeline of the
report.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from harness import clock
from harness.checkers import CHECKERS
from harness.model.claim import Bound, Claim, Comparison, Trials
from harness.model.fidelity import Fidelity
from harness.model.history import (
    Fault,
    FinalRead,
    Header,
    Operation,
    Outcome,
    Phase,
    header_line,
    parse,
    to_line,
)
from harness.model.verdict import Verdict
from harness.report.timeline import build

OPERATIONS = 1_000_000
SECONDS_LIMIT = 10.0
BYTES_LIMIT = 1024**3
DRAW_SECONDS_LIMIT = 5.0
SPACING_SECONDS = 0.01
LATENCY_SECONDS = 0.004
# The planted outage: operations from this share of the history on fail for this long.
OUTAGE_AT = 0.5
OUTAGE_SECONDS = 20.0
LOST = 3

_INDICATORS = (
    ("recovery_time", Bound(Comparison.BELOW, 60, "s")),
    ("unavailability", Bound(Comparison.BELOW, 60, "s")),
    ("acknowledged_lost", Bound(Comparison.EQUAL, 0, "operations")),
)


def write_history(path: Path, operations: int) -> None:
    """Write a history with one planted outage and a few lost writes."""
    effect = operations * OUTAGE_AT * SPACING_SECONDS
    kept: list[str] = []
    with path.open("w", encoding="utf-8") as file:
        file.write(header_line(Header("benchmark", SPACING_SECONDS)) + "\n")
        injected = False
        for index in range(operations):
            at, name = index * SPACING_SECONDS, f"sql-0-{index:07d}"
            down = effect <= at < effect + OUTAGE_SECONDS
            if at >= effect and not injected:
                injected = True
                for phase in (Phase.INJECTED, Phase.PROVEN):
                    fault = Fault(effect, "database_container_kill", phase)
                    file.write(to_line(fault) + "\n")
            ended = Outcome.FAILED if down else Outcome.OK
            error = "connection refused" if down else None
            for when, outcome, why in (
                (at, Outcome.INVOKED, None),
                (at + LATENCY_SECONDS, ended, error),
            ):
                record = Operation(round(when, 6), "sql-0", "insert", name, outcome, why)
                file.write(to_line(record) + "\n")
            if not down:
                kept.append(name)
        end = operations * SPACING_SECONDS
        file.write(to_line(FinalRead(end, "read_all", Outcome.OK, tuple(kept[LOST:]))) + "\n")


def judge(path: Path) -> dict[str, object]:
    """Parse and judge the history once; return seconds, peak bytes and what was found."""
    started, used = clock.monotonic(), time.process_time()
    with path.open(encoding="utf-8") as file:
        history = parse(file)
    parsed = clock.monotonic()
    verdicts = {}
    for indicator, bound in _INDICATORS:
        finding = CHECKERS[indicator](history, _claim(indicator, bound))
        verdicts[indicator] = finding.verdict.value
    ended, processor = clock.monotonic(), time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    build(history)
    drawn = clock.monotonic() - ended
    as_planted = verdicts == {
        "recovery_time": Verdict.SUPPORTED,
        "unavailability": Verdict.SUPPORTED,
        "acknowledged_lost": Verdict.REFUTED,
    }
    return {
        "records": len(history.records),
        "parse_seconds": round(parsed - started, 3),
        "check_seconds": round(ended - parsed, 3),
        "seconds": round(ended - started, 3),
        # Tells a slow program from a host that is busy with something else.
        "processor_seconds": round(processor, 3),
        "seconds_limit": SECONDS_LIMIT,
        "draw_seconds": round(drawn, 3),
        "draw_seconds_limit": DRAW_SECONDS_LIMIT,
        "peak_bytes": peak,
        "peak_bytes_limit": BYTES_LIMIT,
        "verdicts": verdicts,
        "within_limits": as_planted
        and ended - started <= SECONDS_LIMIT
        and drawn <= DRAW_SECONDS_LIMIT
        and peak <= BYTES_LIMIT,
    }


def _claim(indicator: str, bound: Bound) -> Claim:
    return Claim(
        id="benchmark",
        sentence="Judging is fast.",
        place="benchmark",
        indicator=indicator,
        bound=bound,
        fidelity=Fidelity.SAME,
        experiment="none",
        sabotage="none",
        trials=Trials(1, 1),
    )


def main() -> int:
    """Measure once and print the result as JSON; 1 when a limit is exceeded."""
    operations = int(sys.argv[1]) if len(sys.argv) > 1 else OPERATIONS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        write_history(path, operations)
        result = {"operations": operations, **judge(path)}
    sys.stdout.write(json.dumps(result, indent=2) + "\n")
    return 0 if result["within_limits"] else 1


if __name__ == "__main__":
    sys.exit(main())
