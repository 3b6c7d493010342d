"""What every workload client is: paced operations with a deadline, each recorded twice.

Pacing is a closed loop: one operation at a time, each with a deadline, on a fixed grid of
``spacing_seconds``. An operation that hangs is given up at its deadline and the slots it
covered are skipped, never made up in a burst, so that a service that comes back is not met by
a flood it never sees in production. What follows for the meter: the service may have come back
at any moment since the last operation that was not ok began, so the error bound of a recovery
time reaches from that beginning to the first ok. It is one spacing and one latency where the
service refused or answered late, and up to the deadline where an operation hung to its end.
"""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

from harness import clock, polling
from harness.clients.recorder import Recorder, brief
from harness.errors import HarnessError, LimitExceeded
from harness.model.history import Outcome

SPACING_SECONDS = 0.02
DEADLINE_SECONDS = 1.0
# No load without a bound: an hour or a million operations, whichever comes first, is more than
# any experiment asks for and ends a client that nobody stops.
OPERATIONS_MAX = 1_000_000
DURATION_SECONDS_MAX = 3600.0
# An unpaced client whose attempts fail at once must not spin on the host's two cores.
_FAILURE_PAUSE_SECONDS = 0.01
# On top of the deadline, for the client to give up the connection and record the outcome.
_STOP_GRACE_SECONDS = 5.0


class Workload(Protocol):
    """A client that can be started and stopped."""

    def start(self) -> None:
        """Begin to operate in the background."""

    def stop(self) -> None:
        """End; returns within a bounded time and raises what went wrong in the client."""


class KeepingWorkload(Workload, Protocol):
    """A workload whose data store is read when all is over."""

    def final_read(self) -> None:
        """Record as FinalRead what the data store holds of this trial."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the client knows of one finished operation."""

    outcome: Outcome
    error: str | None = None


OK = Attempt(Outcome.OK)


def failed(error: BaseException | str) -> Attempt:
    """Return an attempt that certainly had no effect."""
    return Attempt(Outcome.FAILED, brief(error))


def indeterminate(error: BaseException | str) -> Attempt:
    """Return an attempt that may have taken effect."""
    return Attempt(Outcome.INDETERMINATE, brief(error))


class PacedWorkload(ABC):
    """One thread that attempts an operation in every slot and records it.

    Identifiers are ``<client>-<sequence>``, unique in a trial as long as client names are. The
    client ends by itself after ``operations_max`` operations or ``duration_seconds_max``.
    """

    def __init__(
        self,
        recorder: Recorder,
        *,
        client: str,
        op: str,
        spacing_seconds: float = SPACING_SECONDS,
        deadline_seconds: float = DEADLINE_SECONDS,
        operations_max: int = OPERATIONS_MAX,
        duration_seconds_max: float = DURATION_SECONDS_MAX,
        offset_seconds: float = 0.0,
    ) -> None:
        self.recorder = recorder
        self.client = client
        self.op = op
        self.spacing_seconds = spacing_seconds
        self.deadline_seconds = deadline_seconds
        self.operations_max = operations_max
        self.duration_seconds_max = duration_seconds_max
        self.offset_seconds = offset_seconds
        self.stopping = threading.Event()
        self._failure: Exception | None = None
        self._thread: threading.Thread | None = None

    @abstractmethod
    def attempt(self, id: str, deadline: float) -> Attempt:
        """Do one operation and give it up at ``deadline`` (seconds of ``clock.monotonic``)."""

    @abstractmethod
    def disconnect(self) -> None:
        """Let go of any connection without waiting for the server."""

    def start(self) -> None:
        """Begin to operate; a workload is started once."""
        if self._thread is not None:
            raise HarnessError(f"Workload {self.client} was started twice: make a new one.")
        self._thread = threading.Thread(target=self._run, name=self.client, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the operation in flight; calling it again does nothing.

        Raises LimitExceeded when the client does not end soon after its deadline, HarnessError
        when it broke down on its own.
        """
        self.stopping.set()
        thread, self._thread = self._thread, None
        if thread is None:
            return
        limit = self.deadline_seconds + _STOP_GRACE_SECONDS
        thread.join(limit)
        if thread.is_alive():
            raise LimitExceeded(
                f"Workload {self.client} did not stop within {limit:g} s: an operation outlived "
                f"its deadline of {self.deadline_seconds:g} s. Next step: report this defect."
            )
        if self._failure is not None:
            raise HarnessError(
                f"Workload {self.client} broke down: {brief(self._failure)}. Its history ends "
                "there; run the trial again."
            ) from self._failure

    def finished(self) -> bool:
        """Say whether the client has ended, by itself or stopped."""
        return self._thread is None or not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._operate()
        # The edge of the thread: what happened is raised by stop.
        except Exception as error:
            self._failure = error
        finally:
            self.disconnect()

    def _operate(self) -> None:
        if polling.pause(self.offset_seconds, stop=self.stopping):
            return
        started = clock.monotonic()
        end = started + self.duration_seconds_max
        for number in range(self.operations_max):
            result = self._operate_once(f"{self.client}-{number:06d}")
            delay = next_slot(started, clock.monotonic(), self.spacing_seconds)
            if result.outcome is not Outcome.OK:
                delay = max(delay, _FAILURE_PAUSE_SECONDS)
            if delay > 0 and polling.pause(delay, stop=self.stopping):
                return
            if self.stopping.is_set() or clock.monotonic() >= end:
                return

    def _operate_once(self, id: str) -> Attempt:
        self.recorder.operation(self.client, self.op, id, Outcome.INVOKED)
        try:
            result = self.attempt(id, clock.monotonic() + self.deadline_seconds)
        except Exception as error:
            # Nobody knows whether it took effect; the history must still have its completion.
            self.recorder.operation(self.client, self.op, id, Outcome.INDETERMINATE, brief(error))
            raise
        self.recorder.operation(self.client, self.op, id, result.outcome, result.error)
        return result


def next_slot(started: float, now: float, spacing_seconds: float) -> float:
    """Return the seconds from ``now`` to the next free slot of the grid; 0 when unpaced."""
    if spacing_seconds <= 0:
        return 0.0
    slot = math.floor((now - started) / spacing_seconds) + 1
    return max(0.0, started + slot * spacing_seconds - now)
