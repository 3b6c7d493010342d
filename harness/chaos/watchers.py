"""Threads that record what the stack does while an experiment runs.

A watcher that fails says so in the history (``watch_error``) and begins again: a gap must be
seen as a gap, never as silence.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from harness import polling
from harness.chaos import watch_cluster, watch_stack
from harness.chaos.session import Session
from harness.clients.recorder import brief
from harness.errors import EnvironmentUnavailable, LimitExceeded

# A part that is down is asked again soon, but not in a tight loop.
RETRY_SECONDS = 1.0
# A sample takes at most its requests' limits, which are below this.
STOP_LIMIT_SECONDS = 5.0


class Watch(Protocol):
    """One thing to watch: ``run`` records until ``stop`` is set or something fails."""

    def run(self, session: Session, stop: threading.Event) -> None:
        """Record observations; an exception is recorded and ``run`` is called again."""


class Sampling:
    """A watch that calls ``sample`` on a fixed grid."""

    def __init__(self, spacing_seconds: float, sample: Callable[[Session], None]) -> None:
        self.spacing_seconds = spacing_seconds
        self.sample = sample

    def run(self, session: Session, stop: threading.Event) -> None:
        """Sample until stopped."""
        while not stop.is_set():
            self.sample(session)
            polling.pause(self.spacing_seconds, stop=stop)


class Watchers:
    """The watchers of one trial, by the names that experiments use."""

    def __init__(self, session: Session, names: Sequence[str]) -> None:
        self._session = session
        self._stops: dict[str, threading.Event] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._watches: dict[str, Watch] = {name: KINDS[name]() for name in dict.fromkeys(names)}

    def start(self) -> None:
        """Begin all."""
        for name, watch in self._watches.items():
            stop = threading.Event()
            thread = threading.Thread(
                target=self._keep, args=(name, watch, stop), name=f"watch-{name}", daemon=True
            )
            self._stops[name], self._threads[name] = stop, thread
            thread.start()

    def silence(self, name: str) -> None:
        """Stop one watcher; a name that is not watched is fine."""
        if name in self._stops:
            self._stops[name].set()

    def stop(self) -> None:
        """End all within a bounded time.

        Raises LimitExceeded naming those that did not end; they are daemons and their records
        no longer count once the recorder is closed.
        """
        for stop in self._stops.values():
            stop.set()
        expected = {n: t for n, t in self._threads.items() if n not in _MAY_LINGER}
        for thread in expected.values():
            thread.join(STOP_LIMIT_SECONDS)
        stuck = [name for name, thread in expected.items() if thread.is_alive()]
        if stuck:
            raise LimitExceeded(
                f"Watchers did not end within {STOP_LIMIT_SECONDS:g} s: {', '.join(stuck)}."
            )

    def _keep(self, name: str, watch: Watch, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                watch.run(self._session, stop)
            # The edge of the thread: whatever it was is recorded, and watching begins again.
            except Exception as error:
                if stop.is_set() or not self._record(name, error):
                    return
                polling.pause(RETRY_SECONDS, stop=stop)

    def _record(self, name: str, error: Exception) -> bool:
        try:
            self._session.recorder.observe("watch_error", {"watcher": name, "error": brief(error)})
        except EnvironmentUnavailable as failure:
            self._session.problems.append(f"Watcher {name}: {brief(failure)}")
            return False
        return True


KINDS: Mapping[str, Callable[[], Watch]] = {
    "pods": watch_cluster.PodWatch,
    "nodes": watch_cluster.NodeWatch,
    "endpoints": watch_cluster.EndpointWatch,
    "hpa": lambda: Sampling(5.0, watch_stack.sample_autoscaler),
    "database": lambda: Sampling(0.5, watch_stack.sample_database),
    "cache": lambda: Sampling(0.5, watch_stack.sample_cache),
    "host": lambda: Sampling(5.0, watch_stack.sample_host),
}
# These sit in a read of the API that only its own limit ends.
_MAY_LINGER = frozenset({"pods", "nodes", "endpoints"})
