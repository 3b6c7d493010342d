"""ElastiCache parameter groups, which moto does not have: records with the values that were set.

Pure but for its store. The values reach no server: the stack sets the document's own. Only
parameters that were set are listed; the provider also lists every default.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from .refusal import Refusal

# Account and region.
Key = tuple[str, str]

DEFAULT_PREFIX = "default."


class ParameterGroups:
    """The parameter groups of all accounts and regions; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: dict[Key, dict[str, dict[str, Any]]] = {}
        self._values: dict[tuple[Key, str], dict[str, str]] = {}

    def create(self, key: Key, request: Mapping[str, Any]) -> dict[str, Any] | Refusal:
        """Return the new group, or the error for one that is there."""
        name = str(request["CacheParameterGroupName"]).lower()
        group = _group(key, name, str(request["CacheParameterGroupFamily"]))
        group["Description"] = str(request.get("Description", ""))
        with self._lock:
            groups = self._groups.setdefault(key, {})
            if name in groups or name.startswith(DEFAULT_PREFIX):
                message = f"Cache parameter group {name} already exists."
                return Refusal("CacheParameterGroupAlreadyExists", message)
            groups[name] = group
            self._values[(key, name)] = {}
        return dict(group)

    def describe(self, key: Key, name: str | None) -> list[dict[str, Any]] | Refusal:
        """Return the group of that name, or all; the default ones are there when named."""
        with self._lock:
            groups = self._groups.get(key, {})
            if name is None:
                return [dict(group) for _, group in sorted(groups.items())]
            found = groups.get(name.lower())
        if found is not None:
            return [dict(found)]
        if name.startswith(DEFAULT_PREFIX):
            family = name.removeprefix(DEFAULT_PREFIX).split(".cluster")[0]
            return [_group(key, name, family)]
        return _missing(name)

    def values(self, key: Key, name: str) -> list[dict[str, Any]] | Refusal:
        """Return the parameters that were set, in the shape of the API."""
        found = self.describe(key, name)
        if isinstance(found, Refusal):
            return found
        with self._lock:
            values = dict(self._values.get((key, name.lower()), {}))
        return [
            {
                "ParameterName": parameter,
                "ParameterValue": value,
                "Source": "user",
                "DataType": "string",
                "IsModifiable": True,
            }
            for parameter, value in sorted(values.items())
        ]

    def modify(
        self, key: Key, name: str, changes: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any] | Refusal:
        """Set parameters; return the group's name."""

        def change(values: dict[str, str]) -> None:
            for entry in changes:
                values[str(entry["ParameterName"])] = str(entry.get("ParameterValue", ""))

        return self._change(key, name, change)

    def reset(
        self, key: Key, name: str, parameters: Sequence[str] | None
    ) -> dict[str, Any] | Refusal:
        """Forget what was set: the named parameters, or all where None are named."""

        def change(values: dict[str, str]) -> None:
            for parameter in list(values) if parameters is None else parameters:
                values.pop(parameter, None)

        return self._change(key, name, change)

    def delete(self, key: Key, name: str) -> dict[str, Any] | Refusal:
        """Remove the group."""
        with self._lock:
            if self._groups.get(key, {}).pop(name.lower(), None) is None:
                return _missing(name)
            self._values.pop((key, name.lower()), None)
        return {}

    def _change(self, key: Key, name: str, change: Any) -> dict[str, Any] | Refusal:
        with self._lock:
            values = self._values.get((key, name.lower()))
            if values is None:
                return _missing(name)
            change(values)
        return {"CacheParameterGroupName": name}


def _group(key: Key, name: str, family: str) -> dict[str, Any]:
    account, region = key
    return {
        "CacheParameterGroupName": name,
        "CacheParameterGroupFamily": family,
        "Description": f"Default parameter group for {family}",
        "IsGlobal": False,
        "ARN": f"arn:aws:elasticache:{region}:{account}:parametergroup:{name}",
    }


def _missing(name: str) -> Refusal:
    return Refusal("CacheParameterGroupNotFound", f"CacheParameterGroup {name} not found.", 404)
