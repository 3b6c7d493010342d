"""Patroni's REST interface, the stand-in for the provider's failover of a database.

Source: Patroni 4.1 REST API (``GET /cluster``, ``GET /history``, ``POST /failover``,
``POST /restart``); writes need basic authentication, reads do not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import urllib3
import urllib3.exceptions

from .wiring import Database

READ_LIMIT_SECONDS = 1.5
CONNECT_LIMIT_SECONDS = 0.5
# Patroni answers a failover or a restart only once it is over or has failed.
ACT_LIMIT_SECONDS = 60.0
# A start that takes longer would count as a crash of the primary: Patroni then fails over.
START_LIMIT_SECONDS = 60

_LEADERS = ("leader", "primary", "master", "standby_leader")
_SYNCHRONOUS = ("sync_standby", "quorum_standby")


class Unreachable(Exception):
    """No member of the database gave a usable answer."""


class Refused(Exception):
    """Patroni refused to act; the message is its own."""


@dataclass(frozen=True)
class Member:
    """One server as Patroni sees it."""

    name: str
    role: str
    state: str
    timeline: int | None


@dataclass(frozen=True)
class View:
    """All servers at one moment."""

    members: tuple[Member, ...]

    @property
    def leader(self) -> Member | None:
        """Return the server that holds the leader's role."""
        return next((m for m in self.members if m.role in _LEADERS), None)

    @property
    def synchronous(self) -> Member | None:
        """Return the synchronous standby."""
        return next((m for m in self.members if m.role in _SYNCHRONOUS), None)

    def member(self, name: str) -> Member | None:
        """Return the server of that name."""
        return next((m for m in self.members if m.name == name), None)


def parse_view(document: object) -> View:
    """Return the view in an answer to ``GET /cluster``; fields that are missing are empty."""
    entries = document.get("members") if isinstance(document, Mapping) else None
    members = []
    for entry in entries or []:
        timeline = entry.get("timeline")
        members.append(
            Member(
                name=str(entry.get("name", "")),
                role=str(entry.get("role", "")),
                state=str(entry.get("state", "")),
                timeline=timeline if type(timeline) is int else None,
            )
        )
    return View(tuple(members))


def last_promotion(document: object) -> datetime | None:
    """Return when the newest timeline began, from an answer to ``GET /history``.

    An entry is [timeline, LSN, reason, ISO time, new leader]; the first one of a cluster and
    those of old versions have no time. None where there was no promotion.
    """
    times = []
    for entry in document if isinstance(document, list) else []:
        if isinstance(entry, list) and len(entry) > 3 and isinstance(entry[3], str):
            try:
                moment = datetime.fromisoformat(entry[3])
            except ValueError:
                continue
            times.append(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return max(times, default=None)


class Patroni:
    """Client of all servers of one database; safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # The replica first: it never leads, so that no answer waits for a primary that is gone.
        others = [name for name in database.members if name != database.replica_member]
        self._order = [database.replica_member, *others]
        self._headers = urllib3.make_headers(basic_auth=f"{database.user}:{database.password}")
        self._pool = urllib3.PoolManager(retries=False, maxsize=4)

    def view(self) -> View:
        """Return all servers as the first that answers sees them. Raises Unreachable."""
        return parse_view(self._first("/cluster"))

    def last_promotion(self) -> datetime | None:
        """Return when the present timeline began. Raises Unreachable."""
        return last_promotion(self._first("/history"))

    def started(self, member: str) -> str:
        """Return when the server process of ``member`` started, as Patroni writes it.

        Raises Unreachable when it does not answer.
        """
        document = self._read(member, "/patroni")
        return str(document.get("postmaster_start_time", ""))

    def fail_over(self, candidate: str) -> None:
        """Have ``candidate`` promoted; returns when Patroni says it is done, or cannot say.

        Raises Refused with Patroni's reason, and Unreachable when it does not answer.
        """
        self._act(candidate, "/failover", {"candidate": candidate})

    def restart(self, member: str) -> None:
        """Restart the server of ``member`` in place. Raises Refused and Unreachable."""
        self._act(member, "/restart", {"timeout": START_LIMIT_SECONDS})

    def _first(self, path: str) -> Any:
        problems = []
        for member in self._order:
            try:
                return self._read(member, path)
            except Unreachable as error:
                problems.append(str(error))
        raise Unreachable(" ".join(problems))

    def _url(self, member: str, path: str) -> str:
        node = self._database.members[member]
        return f"http://{node.address}:{self._database.rest_port}{path}"

    def _read(self, member: str, path: str) -> Any:
        limit = urllib3.Timeout(connect=CONNECT_LIMIT_SECONDS, read=READ_LIMIT_SECONDS)
        try:
            answer = self._pool.request("GET", self._url(member, path), timeout=limit)
            # 503 says that the server is not in a role; what it says of itself is still right.
            if answer.status not in (200, 503):
                raise Unreachable(f"Patroni of {member}: GET {path}: HTTP {answer.status}.")
            return json.loads(answer.data)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise Unreachable(f"Patroni of {member}: GET {path}: {error}.") from error

    def _act(self, member: str, path: str, body: Mapping[str, Any]) -> None:
        limit = urllib3.Timeout(connect=CONNECT_LIMIT_SECONDS, read=ACT_LIMIT_SECONDS)
        try:
            answer = self._pool.request(
                "POST",
                self._url(member, path),
                body=json.dumps(body),
                headers=self._headers,
                timeout=limit,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(f"Patroni of {member}: POST {path}: {error}.") from error
        said = answer.data.decode(errors="replace")[:300]
        # Patroni stops looking after some 20 s; what it was asked for may still come about.
        unsure = answer.status == 503 and "status unknown" in said
        if answer.status not in (200, 202) and not unsure:
            raise Refused(f"Patroni of {member}: POST {path}: HTTP {answer.status}: {said}.")
