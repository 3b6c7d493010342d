"""Reading and setting what Patroni, the stand-in for the provider's failover, says over REST."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urllib3

from harness.errors import ProbeFailed
from harness.stack import database, layout
from harness.stack.context import Context

# The replica is asked first: no experiment breaks it, so a sample never waits for a dead member.
SERVERS = (layout.REPLICA, *layout.DATABASES)
# A member that answers at all answers from memory and one read of its consensus store.
REQUEST_LIMIT_SECONDS = 1.5
CONNECT_LIMIT_SECONDS = 0.5
# Threads of one experiment that ask at once: watcher, probe and undo.
_CONNECTIONS = 4

_LEADERS = ("leader", "standby_leader", "primary", "master")
_SYNCHRONOUS = ("sync_standby", "quorum_standby")


@dataclass(frozen=True)
class Member:
    """One database server as the failover manager sees it; ``name`` is its container."""

    name: str
    role: str
    state: str
    timeline: int | None

    @property
    def serves(self) -> bool:
        """Say whether it runs as primary or streams as replica."""
        wanted = "running" if self.role in _LEADERS else "streaming"
        return self.state == wanted


@dataclass(frozen=True)
class ClusterView:
    """All members at one moment."""

    members: tuple[Member, ...]

    @property
    def primary(self) -> Member | None:
        """Return the member that holds the leader's role."""
        return next((m for m in self.members if m.role in _LEADERS), None)

    @property
    def timeline(self) -> int | None:
        """Return the primary's timeline, where it is known."""
        return self.primary.timeline if self.primary else None

    @property
    def synchronous(self) -> tuple[str, ...]:
        """Return the names of the synchronous standbys."""
        return tuple(m.name for m in self.members if m.role in _SYNCHRONOUS)

    def member(self, name: str) -> Member | None:
        """Return the member of that name."""
        return next((m for m in self.members if m.name == name), None)

    def observation(self) -> dict[str, Any]:
        """Return the value of the ``database`` observation."""
        return {
            "primary": self.primary.name if self.primary else None,
            "timeline": self.timeline,
            "synchronous": list(self.synchronous),
        }


def parse_cluster(document: Mapping[str, Any], containers: Mapping[str, str]) -> ClusterView:
    """Read the answer of ``GET /cluster``; ``containers`` maps an address to its container."""
    members = []
    for entry in document.get("members", []):
        timeline = entry.get("timeline")
        members.append(
            Member(
                name=containers.get(str(entry.get("host")), str(entry.get("name"))),
                role=str(entry.get("role")),
                state=str(entry.get("state")),
                timeline=timeline if type(timeline) is int else None,
            )
        )
    return ClusterView(tuple(members))


class Patroni:
    """REST client of all database servers; safe to share between threads."""

    def __init__(self, context: Context) -> None:
        self._addresses = {name: context.layout.address(name) for name in SERVERS}
        self._containers = {address: name for name, address in self._addresses.items()}
        self._headers = urllib3.make_headers(
            basic_auth=f"{database.REST_USER}:{database.rest_password(context)}"
        )
        self._pool = urllib3.PoolManager(
            retries=False,
            maxsize=_CONNECTIONS,
            timeout=urllib3.Timeout(connect=CONNECT_LIMIT_SECONDS, read=REQUEST_LIMIT_SECONDS),
        )

    def cluster(self) -> ClusterView:
        """Return all members as the first server that answers sees them."""
        return parse_cluster(self._first("GET", "/cluster"), self._containers)

    def configuration(self) -> dict[str, Any]:
        """Return the dynamic configuration."""
        return self._first("GET", "/config")

    def configure(self, patch: Mapping[str, Any]) -> None:
        """Change the dynamic configuration; None removes a key."""
        self._first("PATCH", "/config", patch)

    def status(self, server: str) -> dict[str, Any]:
        """Return what one server says of itself.

        Raises ProbeFailed when it does not answer.
        """
        return self._request(server, "GET", "/patroni", None)

    def _first(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        problems = []
        for server in SERVERS:
            try:
                return self._request(server, method, path, body)
            except ProbeFailed as error:
                problems.append(str(error))
        raise ProbeFailed(" ".join(problems))

    def _request(
        self, server: str, method: str, path: str, body: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        url = f"http://{self._addresses[server]}:{database.REST_PORT}{path}"
        try:
            response = self._pool.request(
                method,
                url,
                body=None if body is None else json.dumps(body),
                headers=self._headers if body is not None else None,
            )
            document = json.loads(response.data)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise ProbeFailed(
                f"Patroni of {server}: {method} {url} gave no JSON: "
                f"{type(error).__name__}: {error}."
            ) from error
        # 503 is how a server says that it is not in a role; its document is still right.
        if response.status not in (200, 503) or not isinstance(document, dict):
            raise ProbeFailed(
                f"Patroni of {server}: {method} {url}: expected HTTP 200 and an object, got "
                f"HTTP {response.status}: {str(document)[:200]}."
            )
        return document
