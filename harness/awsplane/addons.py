"""EKS add-ons, which moto does not have: records that are created, read, changed and deleted.

Pure but for its store. Nothing is installed in the cluster: the stack brings its own DNS,
proxy and network.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .refusal import Refusal

# Account, region and cluster.
Key = tuple[str, str, str]

# The fields of a request that are in the record as they were given.
_TAKEN = ("addonVersion", "serviceAccountRoleArn", "configurationValues")


class Addons:
    """The add-ons of all clusters; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: dict[Key, dict[str, dict[str, Any]]] = {}

    def create(
        self, key: Key, request: Mapping[str, Any], *, arn: str, version: str
    ) -> dict[str, Any] | Refusal:
        """Return the new add-on, or the error for one that is there.

        ``version`` is the add-on version that a request without one gets.
        """
        name = str(request["addonName"])
        now = datetime.now(UTC)
        record = {
            "addonName": name,
            "clusterName": key[2],
            "status": "ACTIVE",
            "addonVersion": version,
            "health": {"issues": []},
            "addonArn": arn,
            "createdAt": now,
            "modifiedAt": now,
            "tags": dict(request.get("tags") or {}),
            **{field: request[field] for field in _TAKEN if request.get(field)},
        }
        with self._lock:
            addons = self._records.setdefault(key, {})
            if name in addons:
                return Refusal("ResourceInUseException", f"Addon already exists: {name}", 409)
            addons[name] = record
        return dict(record)

    def describe(self, key: Key, name: str) -> dict[str, Any] | Refusal:
        """Return the add-on, or the error for one that is not there."""
        with self._lock:
            record = self._records.get(key, {}).get(name)
        return dict(record) if record is not None else _missing(key, name)

    def update(self, key: Key, request: Mapping[str, Any]) -> dict[str, Any] | Refusal:
        """Change the add-on and return it, or the error for one that is not there."""
        name = str(request["addonName"])
        with self._lock:
            record = self._records.get(key, {}).get(name)
            if record is None:
                return _missing(key, name)
            record.update({field: request[field] for field in _TAKEN if request.get(field)})
            record["modifiedAt"] = datetime.now(UTC)
            return dict(record)

    def list(self, key: Key) -> list[str]:
        """Return the names of the cluster's add-ons."""
        with self._lock:
            return sorted(self._records.get(key, {}))

    def delete(self, key: Key, name: str) -> dict[str, Any] | Refusal:
        """Remove the add-on and return it, or the error for one that is not there."""
        with self._lock:
            record = self._records.get(key, {}).pop(name, None)
        return {**record, "status": "DELETING"} if record is not None else _missing(key, name)

    def forget(self, key: Key) -> None:
        """Remove all add-ons of a cluster that is gone."""
        with self._lock:
            self._records.pop(key, None)


def _missing(key: Key, name: str) -> Refusal:
    message = f"No addon: {name} found in cluster: {key[2]}"
    return Refusal("ResourceNotFoundException", message, 404)
