"""Failovers that nobody asked for over the AWS API: seen at Patroni, told by the same events.

In production a crash of the primary is told by RDS events as much as a forced failover is; what
listens to them (EventBridge rules) can so be rehearsed with the faults of the experiments.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from . import names, rds_events
from .binding import Binding
from .patroni import Patroni, Unreachable, View
from .polling import pause
from .rds_events import Watched
from .rds_state import Role
from .wiring import Database, Wiring

LOG = logging.getLogger("awsplane")

# One small request each time; Patroni itself decides within its loop of 2 s.
INTERVAL_SECONDS = 2.0

# What is marked while a change asked for over the API is under way. An instance and a cluster
# of the primary are the same servers.
RESOURCES = {role: f"rds {role}" for role in Role}

# The stack, the event id and the server that leads.
Publish = Callable[[Wiring, str, str], None]


class Watch:
    """Looks at the database for as long as the emulator runs."""

    def __init__(self, binding: Binding, publish: Publish) -> None:
        self._binding = binding
        self._publish = publish
        self._watched = Watched()
        self._begun = 0

    def start(self) -> None:
        """Begin to look, in the background."""
        threading.Thread(target=self._run, name="awsplane rds watch", daemon=True).start()

    def look(self, wiring: Wiring) -> None:
        """Look once, and publish what is due."""
        database = wiring.database
        now = _view(database)
        resource = RESOURCES[Role.PRIMARY]
        # A change that began and ended between two looks counts as under way.
        begun, last = self._binding.begun(resource), self._begun
        self._begun = begun
        self._watched, due = rds_events.watch(
            self._watched,
            now,
            changing=begun != last or self._binding.is_busy(resource),
            endpoint_moved=lambda: endpoint_points_at_leader(database, now),
        )
        if due:
            self._binding.failed_over_at = datetime.now(UTC)
        for event_id in due:
            leader = now.leader.name if now is not None and now.leader is not None else ""
            self._publish(wiring, event_id, leader)

    def _run(self) -> None:
        while True:
            pause(INTERVAL_SECONDS)
            wiring = self._binding.current
            if wiring is None:
                continue
            try:
                self.look(wiring)
            except Exception:  # the edge of this thread: the next look may succeed
                LOG.exception("the watch of the database failed")


def endpoint_points_at_leader(database: Database, view: View | None) -> bool:
    """Say whether the primary's name points at the server that leads."""
    if view is None or view.leader is None or view.leader.name not in database.members:
        return False
    address = database.members[view.leader.name].address
    return names.resolve(database.primary_name, database.resolver) == address


def _view(database: Database) -> View | None:
    try:
        return Patroni(database).view()
    except Unreachable:
        return None
