"""One whole run of every experiment and every sabotage, shared by the tests that read it."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from harness import clock, lanes
from harness.plan import Lane, Sabotages
from harness.stack.context import Context
from harness.stack.folders import folders
from harness.stack.lock import held

# Takes more than 4 minutes; its two claims are inconclusive in the short run, which is what the
# rule says of a check that was not shown to fail. `--every-sabotage` runs it as well.
LONG_SABOTAGES = frozenset({"missing-configuration"})

# Any seed would do; a fixed one makes two runs choose the same pods.
SEED = 141


@dataclass(frozen=True)
class Run:
    """A finished run: its folder and the content of its verdict.json."""

    folder: Path
    document: dict[str, Any]

    def claim(self, name: str) -> dict[str, Any]:
        return next(claim for claim in self.document["claims"] if claim["id"] == name)


@pytest.fixture(scope="session")
def left_out(request: pytest.FixtureRequest) -> frozenset[str]:
    """The sabotages that this session does not run."""
    every = request.config.getoption("--every-sabotage")
    return frozenset() if every else LONG_SABOTAGES


@pytest.fixture(scope="session")
def judged(request: pytest.FixtureRequest, stack: Context, left_out: frozenset[str]) -> Run:
    """Every experiment once and the sabotages, run on the stack that is up."""
    started = clock.monotonic()
    terminal = request.config.pluginmanager.getplugin("terminalreporter")

    def report(line: str) -> None:
        # Past pytest's capture: this takes long, and silence looks like a hang.
        terminal.write_line(f"[{clock.monotonic() - started:7.1f} s] {line}")
        terminal.flush()

    asked = lanes.Request(lane=Lane.QUICK, only=(), trials=None, seed=SEED, sabotages=Sabotages.ALL)
    where = folders()
    prepared = lanes.prepare(asked, where)
    trials = tuple(trial for trial in prepared.trials if trial.sabotage not in left_out)
    prepared = replace(prepared, trials=trials)
    with held(where.cache, purpose="acceptance tests"):
        outcome = lanes.execute(prepared, replace(stack, report=report), threading.Event())
    folder = outcome.report.parent
    return Run(folder, json.loads((folder / "verdict.json").read_text()))
