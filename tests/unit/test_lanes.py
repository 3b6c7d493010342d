"""A run is read, checked and planned as a whole before anything starts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness import cli, commands, lanes
from harness.errors import ExitCode, ExperimentInvalid, InputInvalid
from harness.plan import Lane, Sabotages
from harness.stack.folders import EXPERIMENTS, Folders


def _request(*only: str, sabotages: Sabotages = Sabotages.ALL) -> lanes.Request:
    return lanes.Request(lane=Lane.QUICK, only=only, trials=None, seed=1, sabotages=sabotages)


def test_every_experiment_and_sabotage_composes(tmp_path: Path) -> None:
    """The whole catalogue is valid, and its plan says how long it will take."""
    prepared = lanes.prepare(_request(), Folders(tmp_path))

    assert {trial.sabotage for trial in prepared.trials if trial.sabotage} == {
        path.stem for path in (EXPERIMENTS / "sabotage").glob("*.yaml")
    }
    assert lanes.expected_seconds(prepared) > 0


def test_data_stores_and_cluster_are_broken_side_by_side(tmp_path: Path) -> None:
    """The expected time is that of the longer track, not the sum."""
    prepared = lanes.prepare(_request(), Folders(tmp_path))
    total = sum(trial["expected_seconds"] for trial in lanes.plan_data(prepared)["trials"])

    assert lanes.expected_seconds(prepared) < total


def test_a_word_that_selects_nothing_is_refused(tmp_path: Path) -> None:
    """A typing error is an error, not an empty run."""
    with pytest.raises(InputInvalid, match="pgb-drain"):
        lanes.prepare(_request("pgb-drain"), Folders(tmp_path))


def test_malformed_claims_start_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All problems of the claims come at once, with file and line, and exit code 64."""
    folder = tmp_path / "experiments"
    shutil.copytree(EXPERIMENTS, folder)
    text = (folder / "claims.yaml").read_text()
    text = text.replace("indicator: ready_minimum", "indicator: raedy_minimum", 1)
    text = text.replace("value: 900", "value: soon", 1)
    (folder / "claims.yaml").write_text(text)
    monkeypatch.setattr(lanes, "EXPERIMENTS", folder)
    started: list[str] = []
    monkeypatch.setattr(commands, "bring_up", lambda *arguments: started.append("up"))
    monkeypatch.setattr(commands, "refuse_real_accounts", lambda: None)
    monkeypatch.setattr(cli, "_handle_signals", lambda stop: None)
    code = cli.main(["emulate", "--json"])

    problems = json.loads(capsys.readouterr().out)["problems"]
    assert code == ExitCode.USAGE
    assert started == []
    assert any("claims.yaml:9" in p and "raedy_minimum" in p for p in problems)
    assert any("soon" in problem for problem in problems)


def test_a_malformed_experiment_is_named_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An action that does not exist is found before anything starts."""
    folder = tmp_path / "experiments"
    shutil.copytree(EXPERIMENTS, folder)
    path = folder / "pod-kill.yaml"
    path.write_text(path.read_text().replace("func: kill_containers", "func: kill_kontainers"))
    with pytest.raises(ExperimentInvalid, match=r"pod-kill\.yaml.*kill_kontainers"):
        lanes.compose.compose("pod-kill", folder=folder)
