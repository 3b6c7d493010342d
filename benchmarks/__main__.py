"""All benchmarks, one after the other: ``python -m benchmarks [NAME...]``.

Each is a program of its own that prints one JSON object and exits with 1 beyond its limit.
``client_overhead`` and ``footprint`` need the stack; ``up`` takes it down and brings it up.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence

from harness import command
from harness.stack.folders import REPOSITORY

PROGRAMS: Mapping[str, Sequence[str]] = {
    "meter_error": ("benchmarks.meter_error",),
    "judging": ("benchmarks.judging",),
    "audit": ("benchmarks.audit",),
    "up": ("benchmarks.stack", "up"),
    "client_overhead": ("benchmarks.client_overhead",),
    "footprint": ("benchmarks.stack", "footprint"),
}
# The longest is the warm `up` with its bare cluster, about 4 minutes on 2 cores.
LIMIT_SECONDS = 1200


def main() -> int:
    """Run the chosen benchmarks and return 0 when all are within their limits."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PROGRAMS))
    names = parser.parse_args().names or [*PROGRAMS]
    unknown = [name for name in names if name not in PROGRAMS]
    if unknown:
        parser.error(f"expected some of {', '.join(PROGRAMS)}, got {', '.join(unknown)}")
    beyond = []
    for name in names:
        done = command.run(
            [sys.executable, "-m", *PROGRAMS[name]],
            limit_seconds=LIMIT_SECONDS,
            cwd=REPOSITORY,
            check=False,
        )
        print(done.stdout, end="", flush=True)
        if done.returncode != 0:
            beyond.append(name)
            print(done.stderr, file=sys.stderr, end="", flush=True)
    if beyond:
        print(f"Beyond their limits: {', '.join(beyond)}", file=sys.stderr)
    return int(bool(beyond))


if __name__ == "__main__":
    raise SystemExit(main())
