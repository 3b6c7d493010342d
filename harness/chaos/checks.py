"""What an experiment or sabotage document must be, beside what Chaos Toolkit asks for.

Every function returns sentences, one for each problem, and never stops at the first.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from harness.chaos import watchers, workloads
from harness.chaos.documents import Document, Place

EXPERIMENT_KEYS = (
    "version",
    "title",
    "description",
    "tags",
    "contributions",
    "configuration",
    "controls",
    "steady-state-hypothesis",
    "method",
    "rollbacks",
)
ACTIVITY_KEYS = ("type", "name", "provider", "tolerance", "background")
# Only these are seen by the undo log, the stop event and the history.
MODULES = ("harness.chaos.", "chaosk8s.")
CONTROL = "harness.chaos.control"
# Read by the supervisor and the worker, in seconds.
REQUIRED_NUMBERS = ("trial_limit_seconds", "heal_limit_seconds", "spacing_seconds")
_REFERENCE = re.compile(r"\$\{([^}]*)\}")


def experiment(document: Document) -> list[str]:
    """Return the problems of a base experiment as it was written."""
    data = document.data
    problems = _unknown(document, data, EXPERIMENT_KEYS, ())
    for key in ("title", "description"):
        if not isinstance(data.get(key), str) or not data[key].strip():
            problems.append(f"{document.at(key)}: expected a text, got {data.get(key)!r}.")
    configuration = data.get("configuration")
    if not isinstance(configuration, dict):
        problems.append(
            f"{document.at('configuration')}: expected a mapping with "
            f"{', '.join(REQUIRED_NUMBERS)}, got {configuration!r}."
        )
        configuration = {}
    for key in REQUIRED_NUMBERS:
        value = configuration.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            problems.append(
                f"{document.at('configuration', key)}: expected seconds > 0, got {value!r}."
            )
    for key in ("method", "rollbacks"):
        problems += _list(document, data, key)
    probes = (data.get("steady-state-hypothesis") or {}).get("probes")
    if not isinstance(probes, list) or not probes:
        problems.append(
            f"{document.at('steady-state-hypothesis', 'probes')}: expected at least one probe, "
            f"got {probes!r}."
        )
    for place, activity in activities(data):
        problems += _activity(document, place, activity, configuration)
    return problems + _controls(document)


def sabotage(document: Document, keys: Sequence[str]) -> list[str]:
    """Return the problems of a sabotage document."""
    data = document.data
    problems = _unknown(document, data, keys, ())
    for key in ("sabotage", "what", "experiment"):
        if not isinstance(data.get(key), str) or not data[key].strip():
            problems.append(f"{document.at(key)}: expected a text, got {data.get(key)!r}.")
    name = data.get("sabotage")
    if isinstance(name, str) and name != document.path.stem:
        problems.append(
            f"{document.at('sabotage')}: expected the file's name {document.path.stem!r}, "
            f"got {name!r}."
        )
    claims = data.get("claims")
    if not isinstance(claims, list) or not claims or not all(isinstance(c, str) for c in claims):
        problems.append(f"{document.at('claims')}: expected a list of claim ids, got {claims!r}.")
    configuration = data.get("configuration", {})
    if not isinstance(configuration, dict):
        problems.append(
            f"{document.at('configuration')}: expected a mapping, got {configuration!r}."
        )
        configuration = {}
    problems += _list(document, data, "plant")
    plant = data.get("plant")
    for index, activity in enumerate(plant if isinstance(plant, list) else []):
        # Values of the base experiment may be named too; they are checked once composed.
        problems += _activity(document, ("plant", index), activity, None)
    return problems


def composed(data: Mapping[str, Any], base: Document, values: Mapping[str, Any]) -> list[str]:
    """Return the references that are still not filled in, after a sabotage was planted."""
    problems = []
    for place, activity in activities(data):
        for name in _references(activity):
            problems.append(
                f"{base.path}, composed field {'.'.join(map(str, place))!r}: '${{{name}}}' is not "
                f"in the configuration; expected one of {', '.join(sorted(values))}."
            )
    return problems


def activities(data: Mapping[str, Any]) -> Iterator[tuple[Place, Any]]:
    """Yield every activity of an experiment with its place."""
    hypothesis = data.get("steady-state-hypothesis")
    probes = hypothesis.get("probes") if isinstance(hypothesis, dict) else None
    for index, activity in enumerate(probes if isinstance(probes, list) else []):
        yield ("steady-state-hypothesis", "probes", index), activity
    for key in ("method", "rollbacks"):
        items = data.get(key)
        for index, activity in enumerate(items if isinstance(items, list) else []):
            yield (key, index), activity


def _activity(
    document: Document, place: Place, activity: Any, configuration: Mapping[str, Any] | None
) -> list[str]:
    where = document.at(*place)
    if not isinstance(activity, dict):
        return [f"{where}: expected an activity, got {activity!r}."]
    problems = _unknown(document, activity, ACTIVITY_KEYS, place)
    if activity.get("type") not in ("action", "probe"):
        problems.append(f"{where}: type: expected action or probe, got {activity.get('type')!r}.")
    if not activity.get("name"):
        problems.append(f"{where}: name: expected a text, got {activity.get('name')!r}.")
    for name in _references(activity):
        if configuration is not None and name not in configuration:
            problems.append(
                f"{where}: '${{{name}}}' is not in the configuration; expected one of "
                f"{', '.join(sorted(configuration)) or 'none'}."
            )
    return problems + _provider(where, activity.get("provider"))


def _provider(where: str, provider: Any) -> list[str]:
    if not isinstance(provider, dict) or provider.get("type") != "python":
        return [
            f"{where}: provider: expected type python (others cannot be stopped or undone), "
            f"got {provider!r}."
        ]
    module, name = str(provider.get("module", "")), str(provider.get("func", ""))
    if not module.startswith(MODULES):
        return [f"{where}: module: expected one below {' or '.join(MODULES)}, got {module!r}."]
    try:
        function = getattr(importlib.import_module(module), name)
    except ImportError as error:
        return [f"{where}: module: expected one that can be imported, got {module!r}: {error}."]
    except AttributeError:
        members = inspect.getmembers(importlib.import_module(module))
        known = [n for n, member in members if _own(member, module)]
        return [
            f"{where}: func: expected a function of {module} "
            f"({', '.join(known) or 'it has none'}), got {name!r}."
        ]
    arguments = provider.get("arguments", {})
    if not isinstance(arguments, dict):
        return [f"{where}: arguments: expected a mapping, got {arguments!r}."]
    problem = _binding(function, arguments)
    return [f"{where}: arguments of {module}.{name}: {problem}."] if problem else []


def _controls(document: Document) -> list[str]:
    controls = document.data.get("controls")
    ours = [
        (index, control)
        for index, control in enumerate(controls if isinstance(controls, list) else [])
        if isinstance(control, dict) and (control.get("provider") or {}).get("module") == CONTROL
    ]
    if len(ours) != 1:
        return [
            f"{document.at('controls')}: expected exactly one control of module {CONTROL}, "
            f"got {len(ours)}."
        ]
    [(index, control)] = ours
    arguments = control["provider"].get("arguments") or {}
    place = ("controls", index, "provider", "arguments")
    problems = _unknown(document, arguments, ("workloads", "watchers"), place)
    for name in arguments.get("watchers") or []:
        if name not in watchers.KINDS:
            problems.append(
                f"{document.at(*place, 'watchers')}: expected one of "
                f"{', '.join(sorted(watchers.KINDS))}, got {name!r}."
            )
    for number, description in enumerate(arguments.get("workloads") or []):
        problems += _workload(document.at(*place, "workloads", number), description)
    return problems


def _workload(where: str, description: Any) -> list[str]:
    if not isinstance(description, dict) or description.get("kind") not in workloads.KINDS:
        return [
            f"{where}: expected a mapping with kind {', '.join(sorted(workloads.KINDS))}, "
            f"got {description!r}."
        ]
    settings = {key: value for key, value in description.items() if key != "kind"}
    problem = _binding(workloads.KINDS[description["kind"]], {"session": None, **settings})
    return [f"{where}: {problem}."] if problem else []


def _binding(function: Callable[..., Any], arguments: Mapping[str, Any]) -> str | None:
    try:
        inspect.signature(function).bind(**arguments)
    except TypeError as error:
        return f"{error}; expected {inspect.signature(function)}"
    return None


def _own(member: Any, module: str) -> bool:
    return inspect.isfunction(member) and member.__module__ == module and member.__name__[0] != "_"


def _list(document: Document, data: Mapping[str, Any], key: str) -> list[str]:
    value = data.get(key)
    if isinstance(value, list) and value:
        return []
    return [f"{document.at(key)}: expected at least one activity, got {value!r}."]


def _unknown(
    document: Document, data: Mapping[str, Any], keys: Sequence[str], place: Place
) -> list[str]:
    return [
        f"{document.at(*place, str(key))}: unknown field; expected one of {', '.join(keys)}."
        for key in data
        if key not in keys
    ]


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _REFERENCE.findall(value)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
