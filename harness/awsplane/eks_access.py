"""EKS access entries with their policies, which moto does not have: kept, nothing is granted.

Pure but for its store. Who may use the stack's cluster is decided by its own kubeconfig.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .addons import Key
from .refusal import Refusal

_TAKEN = ("kubernetesGroups", "username")


class AccessEntries:
    """The access entries of all clusters by principal; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[Key, dict[str, dict[str, Any]]] = {}
        self._policies: dict[tuple[Key, str], dict[str, dict[str, Any]]] = {}

    def create(self, key: Key, request: Mapping[str, Any], *, arn: str) -> dict[str, Any] | Refusal:
        """Return the new entry, or the error for one that is there."""
        principal, now = str(request["principalArn"]), datetime.now(UTC)
        entry = {
            "clusterName": key[2],
            "principalArn": principal,
            "kubernetesGroups": list(request.get("kubernetesGroups") or []),
            "accessEntryArn": arn,
            "createdAt": now,
            "modifiedAt": now,
            "tags": dict(request.get("tags") or {}),
            "username": str(request.get("username") or principal),
            "type": str(request.get("type") or "STANDARD"),
        }
        with self._lock:
            entries = self._entries.setdefault(key, {})
            if principal in entries:
                message = f"The access entry {principal} is already in use on this resource."
                return Refusal("ResourceInUseException", message, 409)
            entries[principal] = entry
            self._policies[(key, principal)] = {}
        return dict(entry)

    def describe(self, key: Key, principal: str) -> dict[str, Any] | Refusal:
        """Return the entry, or the error for one that is not there."""
        with self._lock:
            entry = self._entries.get(key, {}).get(principal)
        return dict(entry) if entry is not None else _missing(principal)

    def update(self, key: Key, request: Mapping[str, Any]) -> dict[str, Any] | Refusal:
        """Change groups and user name of an entry."""
        principal = str(request["principalArn"])
        with self._lock:
            entry = self._entries.get(key, {}).get(principal)
            if entry is None:
                return _missing(principal)
            entry.update({field: request[field] for field in _TAKEN if field in request})
            entry["modifiedAt"] = datetime.now(UTC)
            return dict(entry)

    def principals(self, key: Key) -> list[str]:
        """Return the principals that have an entry."""
        with self._lock:
            return sorted(self._entries.get(key, {}))

    def delete(self, key: Key, principal: str) -> dict[str, Any] | Refusal:
        """Remove an entry with its policies."""
        with self._lock:
            if self._entries.get(key, {}).pop(principal, None) is None:
                return _missing(principal)
            self._policies.pop((key, principal), None)
        return {}

    def associate(self, key: Key, request: Mapping[str, Any]) -> dict[str, Any] | Refusal:
        """Associate a policy with an entry, or change its scope."""
        principal, now = str(request["principalArn"]), datetime.now(UTC)
        with self._lock:
            policies = self._policies.get((key, principal))
            if policies is None:
                return _missing(principal)
            policy = str(request["policyArn"])
            since = policies.get(policy, {}).get("associatedAt", now)
            policies[policy] = {
                "policyArn": policy,
                "accessScope": dict(request["accessScope"]),
                "associatedAt": since,
                "modifiedAt": now,
            }
            return dict(policies[policy])

    def policies(self, key: Key, principal: str) -> list[dict[str, Any]] | Refusal:
        """Return the policies of an entry."""
        with self._lock:
            policies = self._policies.get((key, principal))
            if policies is None:
                return _missing(principal)
            return [dict(policy) for _, policy in sorted(policies.items())]

    def disassociate(self, key: Key, principal: str, policy: str) -> dict[str, Any] | Refusal:
        """Take a policy from an entry."""
        with self._lock:
            if self._policies.get((key, principal), {}).pop(policy, None) is None:
                return _missing(principal)
        return {}

    def forget(self, key: Key) -> None:
        """Remove all entries of a cluster that is gone."""
        with self._lock:
            for principal in self._entries.pop(key, {}):
                self._policies.pop((key, principal), None)


def _missing(principal: str) -> Refusal:
    message = f"The specified principalArn could not be found: {principal}"
    return Refusal("ResourceNotFoundException", message, 404)
