"""What recording costs: the recording SQL client against a bare psycopg loop.

``python -m benchmarks.client_overhead [--rounds N] [--operations N]`` writes to the running
stack's database, unpaced, both clients by turns on the same server over TLS, and prints JSON
with every round and the ratio of the median rates. Exit code 1 when the ratio is under 0.8.
The rows that it wrote are deleted in the end.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from harness import clock, polling
from harness.clients.recorder import Recorder
from harness.clients.resolver import EndpointResolver
from harness.clients.sql import TABLE, DatabaseTarget, SqlWorkload
from harness.model.history import History, Outcome, parse

RATIO_MIN = 0.8
ROUNDS = 5
OPERATIONS = 1000
# A thousand synchronous commits take seconds; a round this long has hung.
_ROUND_LIMIT_SECONDS = 120.0


@dataclass(frozen=True)
class Round:
    """Acknowledged inserts a second of both clients in one round."""

    bare: float
    recording: float


def bare_rate(target: DatabaseTarget, address: str, trial: str, operations: int) -> float:
    """Insert in a plain psycopg loop and return the inserts a second."""
    conninfo = target.conninfo(address, writable=True)
    statement = f"INSERT INTO {TABLE} (id, trial) VALUES (%s, %s)"
    with psycopg.connect(conninfo, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(statement, ("bare-warm-up", trial), prepare=True)
        started = clock.monotonic()
        for number in range(operations):
            cursor.execute(statement, (f"bare-0-{number:06d}", trial), prepare=True)
        return operations / (clock.monotonic() - started)


def recording_rate(
    target: DatabaseTarget, resolver: EndpointResolver, trial: str, operations: int, path: Path
) -> float:
    """Insert with the recording client, unpaced, and return the inserts a second.

    Counted from the first acknowledgement, as the bare loop is counted once it is connected.
    """
    with Recorder(path, claim="client-overhead", spacing_seconds=0.0) as recorder:
        workload = SqlWorkload(
            recorder,
            target,
            resolver,
            trial=trial,
            spacing_seconds=0.0,
            deadline_seconds=10.0,
            operations_max=operations + 1,
        )
        workload.start()
        polling.wait_until(
            workload.finished,
            what=f"{operations} recorded inserts",
            limit_seconds=_ROUND_LIMIT_SECONDS,
        )
        workload.stop()
    with path.open() as lines:
        return _rate(parse(lines))


def _rate(history: History) -> float:
    done = [record for record in history.operations if record.outcome is not Outcome.INVOKED]
    bad = [record for record in done if record.outcome is not Outcome.OK]
    if bad:
        raise SystemExit(f"{len(bad)} of {len(done)} operations were not ok: {bad[0].error}")
    return (len(done) - 1) / (done[-1].at - done[0].at)


def compare(
    target: DatabaseTarget, resolver: EndpointResolver, *, rounds: int, operations: int
) -> list[Round]:
    """Run both clients by turns, the first of each round alternating."""
    label = f"overhead-{clock.monotonic():.0f}"
    found: list[Round] = []
    with tempfile.TemporaryDirectory(prefix="client-overhead-") as folder:
        # One round more than asked for, not counted: caches and the table are cold in it.
        for number in range(rounds + 1):
            trial = f"{label}-{number}"
            path = Path(folder) / f"{number}.jsonl"
            address = resolver.resolve(target.name)
            bare = 0.0
            if number % 2:
                bare = bare_rate(target, address, f"{trial}-bare", operations)
            recording = recording_rate(target, resolver, trial, operations, path)
            if not number % 2:
                bare = bare_rate(target, address, f"{trial}-bare", operations)
            if number:
                found.append(Round(bare, recording))
    _clean(target, resolver, label)
    return found


def _clean(target: DatabaseTarget, resolver: EndpointResolver, label: str) -> None:
    conninfo = target.conninfo(resolver.resolve(target.name), writable=True)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"DELETE FROM {TABLE} WHERE trial LIKE %s", (f"{label}-%",))


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare on the running stack, print JSON and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--operations", type=int, default=OPERATIONS, help="in each round")
    options = parser.parse_args(arguments)
    # Here, so that the comparison itself can run against any database.
    from harness.stack import layout  # noqa: PLC0415
    from harness.stack.attach import attach  # noqa: PLC0415

    context = attach(lambda line: None)
    rounds = compare(
        DatabaseTarget.of(context.credentials),
        EndpointResolver(context.layout.address(layout.RESOLVER)),
        rounds=options.rounds,
        operations=options.operations,
    )
    return report(rounds, options.operations)


def report(rounds: Sequence[Round], operations: int) -> int:
    """Print the rounds and their ratio as JSON and return the exit code."""
    bare = statistics.median(item.bare for item in rounds)
    recording = statistics.median(item.recording for item in rounds)
    ratio = recording / bare
    found = {
        "benchmark": "client_overhead",
        "operations": operations,
        "bare_per_second": bare,
        "recording_per_second": recording,
        "ratio": ratio,
        "ratio_min": RATIO_MIN,
        "holds": ratio >= RATIO_MIN,
        "rounds": [asdict(item) for item in rounds],
    }
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 0 if ratio >= RATIO_MIN else 1


if __name__ == "__main__":
    sys.exit(main())
