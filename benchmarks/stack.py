"""What the running stack costs, and how long a warm ``up`` takes against a bare kind cluster.

``python -m benchmarks.stack footprint`` looks at the stack that is up, idle, for a minute.
``python -m benchmarks.stack up`` takes the stack's containers down, creates a bare kind cluster
with the same nodes and image, removes it, and brings the whole stack up, in one run.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from harness import clock, command, polling
from harness.stack import cluster, deployment, gotools, layout, lifecycle, network
from harness.stack.attach import attach
from harness.stack.context import Context
from harness.stack.folders import folders

MEMORY_BYTES_MAX = 8 * 1024**3
IDLE_CORES_MAX = 0.7
UP_RATIO_MAX = 1.5
# Long enough to even out probes and syncs of 10 to 30 s.
IDLE_WINDOW_SECONDS = 60
BARE_NAME = "smart-dairy-bare"
CREATE_LIMIT_SECONDS = 600


def footprint(context: Context) -> dict[str, Any]:
    """Return memory and CPU of all containers of the stack and of the engine, while idle."""
    before, started = _processor_seconds(context), clock.monotonic()
    polling.pause(IDLE_WINDOW_SECONDS)
    after, ended = _processor_seconds(context), clock.monotonic()
    memory = {name: _memory(context, name) for name in layout.all_containers()}
    cores = (sum(after.values()) - sum(before.values())) / (ended - started)
    total = sum(memory.values())
    return {
        "memory_bytes": total,
        "memory_bytes_max": MEMORY_BYTES_MAX,
        "idle_cores": round(cores, 3),
        "idle_cores_max": IDLE_CORES_MAX,
        "largest": dict(sorted(memory.items(), key=lambda item: -item[1])[:5]),
        "within_limits": total <= MEMORY_BYTES_MAX and cores <= IDLE_CORES_MAX,
    }


def up_ratio() -> dict[str, Any]:
    """Return the seconds of a bare cluster and of the whole stack, and their ratio."""
    where = folders()
    context = lifecycle.prepare(where, install=False, report=lambda line: None)
    lifecycle.remove_containers(context.engine)
    bare = _bare_seconds(context)
    network.remove(context.engine)
    # From here on everything is what a person's second `up` does.
    started = clock.monotonic()
    context = lifecycle.prepare(where, install=False, report=lambda line: None)
    timing = lifecycle.up(context)
    seconds = clock.monotonic() - started
    delay = deployment.readiness_delay_seconds()
    return {
        "bare_seconds": round(bare, 1),
        "up_seconds": round(seconds, 1),
        "parts_seconds": {name: round(value, 1) for name, value in timing.seconds.items()},
        "ratio": round(seconds / bare, 2),
        "ratio_max": UP_RATIO_MAX,
        "readiness_delay_seconds": delay,
        "ratio_without_readiness_delay": round((seconds - delay) / bare, 2),
        "within_limits": seconds / bare <= UP_RATIO_MAX,
    }


def _bare_seconds(context: Context) -> float:
    folder = folders().cache / "scratch" / "bare"
    folder.mkdir(parents=True, exist_ok=True)
    text = cluster.configuration(context.layout).replace(
        f"name: {layout.CLUSTER}\n", f"name: {BARE_NAME}\n"
    )
    (folder / "config.yaml").write_text(text)
    kind = str(gotools.kind(context.folders, context.report))
    settings = {"KIND_EXPERIMENTAL_DOCKER_NETWORK": layout.NETWORK}
    kubeconfig = str(folder / "kubeconfig")
    started = clock.monotonic()
    try:
        command.run(
            [kind, "create", "cluster", "--config", str(folder / "config.yaml")]
            + ["--image", context.images["node"], "--kubeconfig", kubeconfig],
            limit_seconds=CREATE_LIMIT_SECONDS,
            environment=settings,
        )
        return clock.monotonic() - started
    finally:
        command.run(
            [kind, "delete", "cluster", "--name", BARE_NAME, "--kubeconfig", kubeconfig],
            limit_seconds=CREATE_LIMIT_SECONDS,
            environment=settings,
        )


def _processor_seconds(context: Context) -> dict[str, float]:
    result = {}
    for name in layout.all_containers():
        stats = context.engine.containers.get(name).stats(stream=False)
        result[name] = stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
    return result


def _memory(context: Context, name: str) -> int:
    usage = context.engine.containers.get(name).stats(stream=False)["memory_stats"]
    # As `docker stats`: what the page cache holds can be given back at once.
    inactive = usage["stats"].get("total_inactive_file", usage["stats"].get("inactive_file", 0))
    return int(usage["usage"]) - int(inactive)


def main() -> int:
    """Print one JSON object and return 0 when it is within its limits."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stack", description=__doc__)
    parser.add_argument("what", choices=["footprint", "up"])
    what = parser.parse_args().what
    found = footprint(attach(lambda line: None)) if what == "footprint" else up_ratio()
    print(json.dumps({"benchmark": f"stack_{what}", **found}, indent=1))
    return 0 if found["within_limits"] else 1


if __name__ == "__main__":
    sys.exit(main())
