"""The one wiring of this process, and which real resources are being changed right now."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from .wiring import Wiring


class Binding:
    """Holds the wiring that the harness handed over; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wiring: Wiring | None = None
        self._busy: set[str] = set()
        self._begun: dict[str, int] = {}
        # When the primary of the database was last seen to change. Patroni writes a promotion
        # down a moment later.
        self.failed_over_at: datetime | None = None

    def wire(self, wiring: Wiring) -> None:
        """Take a new wiring in place of the last."""
        with self._lock:
            self._wiring = wiring

    def wiring(self, account: str, region: str) -> Wiring | None:
        """Return the wiring, where account and region are the ones it is for."""
        wiring = self._wiring
        if wiring is None or (wiring.account, wiring.region) != (account, region):
            return None
        return wiring

    @property
    def current(self) -> Wiring | None:
        """Return the wiring, whatever it is for."""
        return self._wiring

    def is_busy(self, resource: str) -> bool:
        """Say whether a change of ``resource`` is under way."""
        return resource in self._busy

    def begun(self, resource: str) -> int:
        """Return how many changes of ``resource`` have begun so far."""
        return self._begun.get(resource, 0)

    def begin(self, resource: str) -> bool:
        """Mark ``resource`` as being changed; False when somebody else is at it."""
        with self._lock:
            if resource in self._busy:
                return False
            self._busy.add(resource)
            self._begun[resource] = self._begun.get(resource, 0) + 1
            return True

    def end(self, resource: str) -> None:
        """Take the mark off again."""
        with self._lock:
            self._busy.discard(resource)

    def work(self, resource: str, change: Callable[[], None]) -> None:
        """Run ``change`` in the background and take the mark off when it is over.

        Whoever calls has marked ``resource`` with ``begin``.
        """

        def run() -> None:
            try:
                change()
            finally:
                self.end(resource)

        threading.Thread(target=run, name=f"awsplane {resource}", daemon=True).start()


CURRENT = Binding()
