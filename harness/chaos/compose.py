"""Composing the experiment of one trial: base document, sabotage and configuration.

The result has every value filled in, has passed Chaos Toolkit's own validation and ours, and is
stored with the trial, so that it can be seen what was run. All problems are reported at once.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from chaoslib import substitute
from chaoslib.exceptions import ChaosException
from chaoslib.experiment import ensure_experiment_is_valid

from harness.chaos import checks
from harness.chaos.documents import Document, read
from harness.errors import ExperimentInvalid
from harness.model.sabotage import Sabotage
from harness.stack.folders import EXPERIMENTS

FILE_NAME = "experiment.yaml"
SABOTAGES = "sabotage"
SABOTAGE_KEYS = ("sabotage", "what", "experiment", "claims", "plant", "configuration")


def experiment_path(name: str, folder: Path = EXPERIMENTS) -> Path:
    """Return where the experiment of that name stands."""
    return folder / f"{name}.yaml"


def sabotage_path(name: str, folder: Path = EXPERIMENTS) -> Path:
    """Return where the sabotage of that name stands."""
    return folder / SABOTAGES / f"{name}.yaml"


def experiment_names(folder: Path = EXPERIMENTS) -> list[str]:
    """Return the names of all experiments."""
    return sorted(p.stem for p in folder.glob("*.yaml") if p.stem != "claims")


def sabotage_names(folder: Path = EXPERIMENTS) -> list[str]:
    """Return the names of all sabotages."""
    return sorted(p.stem for p in (folder / SABOTAGES).glob("*.yaml"))


def load_sabotage(path: Path) -> Sabotage:
    """Read a sabotage document.

    Raises ExperimentInvalid with every problem found.
    """
    document = read(path)
    problems = checks.sabotage(document, SABOTAGE_KEYS)
    if problems:
        raise ExperimentInvalid(problems)
    data = document.data
    return Sabotage(
        name=data["sabotage"],
        what=data["what"],
        experiment=data["experiment"],
        claims=tuple(data["claims"]),
        plant=tuple(data["plant"]),
        configuration=data.get("configuration") or {},
    )


def compose(
    experiment: str,
    *,
    sabotage: str | None = None,
    configuration: Mapping[str, Any] | None = None,
    folder: Path = EXPERIMENTS,
) -> dict[str, Any]:
    """Return the experiment to run, checked, with ``sabotage`` planted before its method.

    ``configuration`` overrides the document's own values and the sabotage's.
    Raises ExperimentInvalid with every problem found.
    """
    base = read(experiment_path(experiment, folder))
    problems = checks.experiment(base)
    planted: Sabotage | None = None
    if sabotage is not None:
        path = sabotage_path(sabotage, folder)
        try:
            planted = load_sabotage(path)
        except ExperimentInvalid as error:
            problems += error.problems
    if planted is not None and planted.experiment != experiment:
        problems.append(
            f"{sabotage_path(planted.name, folder)}: field 'experiment': expected {experiment!r}, "
            f"got {planted.experiment!r}."
        )
    if problems:
        raise ExperimentInvalid(problems)
    result = copy.deepcopy(base.data)
    values = {
        **result.get("configuration", {}),
        **(planted.configuration if planted else {}),
        **(configuration or {}),
    }
    result["configuration"] = values
    if planted is not None:
        result["method"] = [*copy.deepcopy(planted.plant), *result["method"]]
        result["title"] = f"{result['title']} (sabotage: {planted.what})"
    _fill(result, values)
    problems = checks.composed(result, base, values)
    if problems:
        raise ExperimentInvalid(problems)
    _ensure_valid(result, base)
    return result


def write(composed: Mapping[str, Any], trial_dir: Path) -> Path:
    """Store a composed experiment in the folder of its trial and return its path."""
    trial_dir.mkdir(parents=True, exist_ok=True)
    path = trial_dir / FILE_NAME
    path.write_text(yaml.safe_dump(dict(composed), sort_keys=False, allow_unicode=True))
    return path


def validate_all(folder: Path = EXPERIMENTS) -> list[str]:
    """Return every problem of every experiment and sabotage document of a folder."""
    problems: list[str] = []
    for name in experiment_names(folder):
        problems += _problems_of(name, None, folder)
    for name in sabotage_names(folder):
        try:
            base = load_sabotage(sabotage_path(name, folder)).experiment
        except ExperimentInvalid as error:
            problems += error.problems
            continue
        problems += _problems_of(base, name, folder)
    return problems


def _problems_of(experiment: str, sabotage: str | None, folder: Path) -> list[str]:
    try:
        compose(experiment, sabotage=sabotage, folder=folder)
    except ExperimentInvalid as error:
        return list(error.problems)
    return []


def _fill(result: dict[str, Any], values: Mapping[str, Any]) -> None:
    for key in ("title", "controls", "steady-state-hypothesis", "method", "rollbacks"):
        if key in result:
            result[key] = substitute(result[key], dict(values), {})


def _ensure_valid(result: dict[str, Any], base: Document) -> None:
    try:
        ensure_experiment_is_valid(result)
    except ChaosException as error:
        raise ExperimentInvalid(
            f"{base.path}: Chaos Toolkit refuses the experiment: {type(error).__name__}: {error}."
        ) from error
