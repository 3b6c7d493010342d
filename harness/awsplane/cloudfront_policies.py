"""CloudFront's policies, which moto does not have: kept with their ETags, applied to nothing.

Pure but for its store. One ``Policies`` holds one kind: cache, origin request or response
headers policies.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .refusal import Refusal


def _etag() -> str:
    return uuid.uuid4().hex[:14].upper()


@dataclass
class _Kept:
    policy: dict[str, Any]
    etag: str = field(default_factory=_etag)


class Policies:
    """The policies of one kind by account; ``kind`` is such as CachePolicy."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], _Kept] = {}

    def create(self, account: str, config: Mapping[str, Any]) -> dict[str, Any] | Refusal:
        """Return the new policy, or the error for one of that name."""
        with self._lock:
            if self._named(account, str(config["Name"])) is not None:
                return self._exists(str(config["Name"]))
            identifier = str(uuid.uuid4())
            kept = _Kept(self._policy(identifier, config))
            self._kept[(account, identifier)] = kept
            return self._shown(kept)

    def get(self, account: str, identifier: str) -> dict[str, Any] | Refusal:
        """Return the policy with its ETag, or the error for one that is not there."""
        with self._lock:
            kept = self._kept.get((account, identifier))
            return self._shown(kept) if kept is not None else self._missing(identifier)

    def config(self, account: str, identifier: str) -> dict[str, Any] | Refusal:
        """Return the policy's configuration with its ETag."""
        found = self.get(account, identifier)
        if isinstance(found, Refusal):
            return found
        name = f"{self.kind}Config"
        return {name: found[self.kind][name], "ETag": found["ETag"]}

    def update(
        self, account: str, identifier: str, config: Mapping[str, Any], if_match: str | None
    ) -> dict[str, Any] | Refusal:
        """Replace the policy's configuration, where ``if_match`` is its present ETag."""
        with self._lock:
            refusal = self._refused(account, identifier, if_match)
            if refusal is not None:
                return refusal
            named = self._named(account, str(config["Name"]))
            if named not in (None, identifier):
                return self._exists(str(config["Name"]))
            kept = _Kept(self._policy(identifier, config))
            self._kept[(account, identifier)] = kept
            return self._shown(kept)

    def delete(
        self, account: str, identifier: str, if_match: str | None
    ) -> dict[str, Any] | Refusal:
        """Remove the policy, where ``if_match`` is its present ETag."""
        with self._lock:
            refusal = self._refused(account, identifier, if_match)
            if refusal is not None:
                return refusal
            del self._kept[(account, identifier)]
            return {}

    def listed(self, account: str) -> list[dict[str, Any]]:
        """Return all policies as the API lists them; the provider's own are not there."""
        with self._lock:
            found = [k.policy for (owner, _), k in self._kept.items() if owner == account]
        return [{"Type": "custom", self.kind: dict(policy)} for policy in found]

    def _policy(self, identifier: str, config: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "Id": identifier,
            "LastModifiedTime": datetime.now(UTC),
            f"{self.kind}Config": dict(config),
        }

    def _shown(self, kept: _Kept) -> dict[str, Any]:
        return {self.kind: dict(kept.policy), "ETag": kept.etag}

    def _named(self, account: str, name: str) -> str | None:
        for (owner, identifier), kept in self._kept.items():
            if owner == account and kept.policy[f"{self.kind}Config"]["Name"] == name:
                return identifier
        return None

    def _refused(self, account: str, identifier: str, if_match: str | None) -> Refusal | None:
        kept = self._kept.get((account, identifier))
        if kept is None:
            return self._missing(identifier)
        if if_match != kept.etag:
            message = "The precondition in one or more of the request fields evaluated to false."
            return Refusal("PreconditionFailed", message, 412)
        return None

    def _exists(self, name: str) -> Refusal:
        return Refusal(f"{self.kind}AlreadyExists", f"{self.kind} {name} already exists.", 409)

    def _missing(self, identifier: str) -> Refusal:
        return Refusal(f"NoSuch{self.kind}", f"{self.kind} {identifier} does not exist.", 404)
