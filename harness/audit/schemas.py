"""Kubernetes objects against the published schemas of a version, offline.

The schemas are those that kubernetes-validate bundles, in their strict form: a field that the API
does not know is an error, as the API server's strict field validation has it.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
import re
from collections.abc import Mapping
from typing import Any

import jsonschema
from referencing import Registry, Resource

from harness.audit.resource import Path

_PACKAGE, _FOLDER = "kubernetes_validate", "kubernetes-json-schema"
_SHOWN = 200


def versions() -> list[str]:
    """Return the minor versions that have schemas, oldest first."""
    folder = importlib.resources.files(_PACKAGE) / _FOLDER
    found = {m[1] for p in folder.iterdir() if (m := re.match(r"v(1\.\d+)\.0-local$", p.name))}
    return sorted(found, key=lambda version: int(version.split(".")[1]))


def nearest(version: str) -> str:
    """Return the newest bundled version that is not newer than the wanted one."""
    known = versions()
    number = re.fullmatch(r"1\.(\d+)", version)
    fitting = [v for v in known if number and int(v.split(".")[1]) <= int(number[1])]
    return fitting[-1] if fitting else known[0 if number else -1]


def problems_of(value: Mapping[str, Any], version: str) -> list[tuple[Path, str]] | None:
    """Return place and complaint of each error; None where the kind has no bundled schema."""
    validator = _validator(version, str(value.get("apiVersion")), str(value.get("kind")))
    if validator is None:
        return None
    found = validator.iter_errors(value)
    return [(tuple(e.absolute_path), str(e.message)[:_SHOWN]) for e in found]


@functools.lru_cache(maxsize=256)
def _validator(version: str, api_version: str, kind: str) -> jsonschema.Draft202012Validator | None:
    # rbac.authorization.k8s.io/v1 and kind Role are in the file role-rbac-v1.json.
    group, _, number = api_version.rpartition("/")
    name = "-".join(word for word in (kind.lower(), group.split(".")[0], number) if word)
    schema = _read(version, f"{name}.json")
    if schema is None:
        return None
    registry = Resource.from_contents(schema) @ _definitions(version)
    return jsonschema.Draft202012Validator(schema, registry=registry)


@functools.lru_cache(maxsize=4)
def _definitions(version: str) -> Registry[Any]:
    return Resource.from_contents(_read(version, "_definitions.json")) @ Registry()


def _read(version: str, name: str) -> Any:
    if not re.fullmatch(r"[a-z0-9_.-]+", name):
        return None
    folder = importlib.resources.files(_PACKAGE) / _FOLDER / f"v{version}.0-local-strict"
    file = folder / name
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


# Fields whose keys are free: two objects that differ in them only have the same shape.
_FREE = frozenset({"labels", "annotations", "data", "matchLabels", "selector", "nodeSelector"})


def shape(value: Any, key: str = "") -> Any:
    """Return what a schema sees of a value: keys and types, free keys left out; it is hashable."""
    if isinstance(value, Mapping):
        if key in _FREE and all(not isinstance(v, Mapping | list) for v in value.values()):
            return ("map", frozenset(type(v) for v in value.values()))
        return tuple((name, shape(inner, name)) for name, inner in value.items())
    if isinstance(value, list):
        return ("list", *dict.fromkeys(shape(inner) for inner in value))
    if key in ("kind", "apiVersion"):
        return value
    return type(value)
