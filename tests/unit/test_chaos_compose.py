"""Composition reports every problem at once and plants before the method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.chaos.compose import compose, validate_all, write
from harness.errors import ExperimentInvalid


def action(
    module: str = "harness.chaos.trial.actions", func: str = "hold", **arguments: Any
) -> Any:
    provider = {"type": "python", "module": module, "func": func, "arguments": arguments}
    return {"name": func, "type": "action", "provider": provider}


def base(**changes: Any) -> dict[str, Any]:
    probe = action("harness.chaos.pod.probes", "backends_ready")
    control = {"type": "python", "module": "harness.chaos.control", "arguments": {"watchers": []}}
    return {
        "title": "A hold",
        "description": "Nothing is broken.",
        "configuration": {
            "trial_limit_seconds": 60,
            "heal_limit_seconds": 30,
            "spacing_seconds": 0.02,
            "seconds": 3,
        },
        "controls": [{"name": "history", "provider": control}],
        "steady-state-hypothesis": {
            "title": "steady",
            "probes": [{**probe, "type": "probe", "tolerance": 5}],
        },
        "method": [action(seconds="${seconds}")],
        "rollbacks": [action(func="heal")],
        **changes,
    }


def sabotage(**changes: Any) -> dict[str, Any]:
    return {
        "sabotage": "no-budget",
        "what": "no budget",
        "experiment": "still",
        "claims": ["a-claim"],
        "plant": [action("harness.chaos.plant.kubernetes", "delete_disruption_budget")],
        **changes,
    }


def store(folder: Path, document: Any, spoiled: Any = None) -> None:
    (folder / "still.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    (folder / "sabotage").mkdir(exist_ok=True)
    if spoiled is not None:
        (folder / "sabotage" / "no-budget.yaml").write_text(yaml.safe_dump(spoiled))


def problems(folder: Path, **arguments: Any) -> str:
    with pytest.raises(ExperimentInvalid) as caught:
        compose("still", folder=folder, **arguments)
    return "\n".join(caught.value.problems)


def test_the_shipped_experiments_and_sabotages_are_valid() -> None:
    assert validate_all() == []


def test_references_are_filled_in_with_their_type(tmp_path: Path) -> None:
    store(tmp_path, base())

    composed = compose("still", folder=tmp_path, configuration={"seconds": 7})

    assert composed["method"][0]["provider"]["arguments"] == {"seconds": 7}


def test_a_sabotage_is_planted_before_the_method_and_overrides_values(tmp_path: Path) -> None:
    store(tmp_path, base(), sabotage(configuration={"seconds": 9}))

    composed = compose("still", sabotage="no-budget", folder=tmp_path)

    names = [activity["provider"]["func"] for activity in composed["method"]]
    assert names == ["delete_disruption_budget", "hold"]
    assert composed["method"][1]["provider"]["arguments"] == {"seconds": 9}
    assert "no budget" in composed["title"]


def test_the_composed_document_can_be_read_back(tmp_path: Path) -> None:
    store(tmp_path, base())
    composed = compose("still", folder=tmp_path)

    path = write(composed, tmp_path / "trial-1")

    assert composed == yaml.safe_load(path.read_text())


def test_all_problems_are_reported_at_once_with_their_lines(tmp_path: Path) -> None:
    document = base(
        method=[
            action(func="no_such_function"),
            action("harness.chaos.no_such_module", "x"),
            action(seconds=1, wrong=1),
            action("os", "system", command="true"),
            action(seconds="${undefined}"),
            {"name": "shell", "type": "action", "provider": {"type": "process", "path": "true"}},
            {**action(seconds=1), "pauses": {"after": 5}},
        ],
        unexpected=1,
    )
    del document["configuration"]["trial_limit_seconds"]
    document["controls"][0]["provider"]["arguments"] = {
        "watchers": ["weather"],
        "workloads": [{"kind": "ftp"}, {"kind": "http", "speed": 1}],
    }
    store(tmp_path, document)

    found = problems(tmp_path)

    for expected in (
        "no_such_function",
        "no_such_module",
        "unexpected keyword argument 'wrong'",
        "got 'os'",
        "'${undefined}' is not in the configuration",
        "expected type python",
        "'method.6.pauses': unknown field",
        "'unexpected': unknown field",
        "'configuration.trial_limit_seconds': expected seconds > 0",
        "got 'weather'",
        "'ftp'",
        "'speed'",
    ):
        assert expected in found
    assert "still.yaml, line " in found


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"sabotage": "other"}, "expected the file's name 'no-budget'"),
        ({"experiment": "pod-kill"}, "expected 'still', got 'pod-kill'"),
        ({"claims": []}, "expected a list of claim ids"),
        ({"plant": []}, "expected at least one activity"),
        ({"surprise": 1}, "unknown field"),
    ],
)
def test_a_wrong_sabotage_is_refused(tmp_path: Path, change: dict[str, Any], expected: str) -> None:
    store(tmp_path, base(), sabotage(**change))

    assert expected in problems(tmp_path, sabotage="no-budget")


def test_a_missing_document_is_named(tmp_path: Path) -> None:
    assert "still.yaml:1: expected a readable file" in problems(tmp_path)


def test_broken_yaml_is_reported_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "still.yaml").write_text("title: x\nmethod: [\n")

    assert "still.yaml:3: " in problems(tmp_path)


def test_what_chaos_toolkit_refuses_is_refused(tmp_path: Path) -> None:
    document = base()
    del document["steady-state-hypothesis"]["probes"][0]["tolerance"]
    store(tmp_path, document)

    assert "Chaos Toolkit refuses" in problems(tmp_path)
