"""What the worker process of one trial has in hand; actions and probes ask for it here."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from harness import clock, polling
from harness.chaos import tools
from harness.chaos.undo import UndoLog, UndoResult
from harness.clients.recorder import Recorder
from harness.errors import FaultFailed, HarnessError, LimitExceeded
from harness.model.history import Phase

T = TypeVar("T")

_active: list[Session] = []


class Session:
    """One trial: its recorder, undo log, seed and the request to stop.

    ``problems`` collects what makes the trial unfit as evidence although chaoslib would go on;
    ``notes`` carries choices from one activity to the next.
    """

    def __init__(
        self, *, recorder: Recorder, undo: UndoLog, run: str, trial: str, seed: int
    ) -> None:
        self.recorder = recorder
        self.undo = undo
        self.run = run
        self.trial = trial
        self.seed = seed
        self.random = random.Random(seed)
        self.stop = threading.Event()
        self.problems: list[str] = []
        self.notes: dict[str, Any] = {}
        self.healing = False
        self.on_silence: Callable[[str], None] = lambda watcher: None

    @property
    def tools(self) -> tools.Tools:
        """Return what reaches the stack."""
        return tools.current()

    @property
    def waiting(self) -> threading.Event | None:
        """Return the event that ends waits early; none while faults are healed."""
        return None if self.healing else self.stop

    def wait_until(
        self,
        observe: Callable[[], T | None],
        *,
        what: str,
        limit_seconds: float,
        interval_seconds: float = 0.25,
        hint: str = "",
        ignore: tuple[type[Exception], ...] = (),
    ) -> T:
        """Wait as ``polling.wait_until`` does, ended early by a request to stop."""
        return polling.wait_until(
            observe,
            what=what,
            limit_seconds=limit_seconds,
            interval_seconds=interval_seconds,
            hint=hint,
            stop=self.waiting,
            ignore=ignore,
        )

    def watch_until(
        self,
        observe: Callable[[], T | None],
        *,
        what: str,
        limit_seconds: float,
        interval_seconds: float = 0.25,
        ignore: tuple[type[Exception], ...] = (HarnessError,),
    ) -> dict[str, Any]:
        """Give the system up to a limit to reach a state and return whether it did.

        Not reaching it is a finding for the checkers and no failure of the trial. Raises
        LimitExceeded when the trial was asked to stop.
        """
        started = clock.monotonic()
        try:
            value: T | None = self.wait_until(
                observe,
                what=what,
                limit_seconds=limit_seconds,
                interval_seconds=interval_seconds,
                ignore=ignore,
            )
            last = ""
        except LimitExceeded as error:
            if self.waiting is not None and self.stop.is_set():
                raise
            value, last = None, str(error)
        outcome = {
            "what": what,
            "reached": value is not None,
            "seconds": round(clock.monotonic() - started, 3),
            "last": last,
        }
        self.recorder.observe("awaited", outcome)
        return outcome

    def begin(
        self,
        fault: str,
        *,
        what: str,
        undo: str,
        arguments: Mapping[str, Any],
        evidence: Mapping[str, Any] | None = None,
    ) -> str:
        """Store the undo on disk, then record the fault as injected; return the undo's id."""
        if self.stop.is_set():
            raise FaultFailed(f"Fault {fault} was not injected: the trial was asked to stop.")
        id = self.undo.plan(
            run=self.run,
            trial=self.trial,
            fault=fault,
            what=what,
            provider=undo,
            arguments=arguments,
        )
        self.recorder.fault(fault, Phase.INJECTED, {"what": what, **(evidence or {})})
        return id

    def prove(
        self,
        fault: str,
        observe: Callable[[], Mapping[str, Any] | None],
        *,
        what: str,
        limit_seconds: float,
        issued_at: float | None = None,
        effective_at: float | None = None,
        interval_seconds: float = 0.1,
    ) -> dict[str, Any]:
        """Wait for the evidence that a fault took effect, record it as proven and return it.

        It took effect between ``issued_at`` and ``effective_at`` (monotonic seconds); the
        earlier one counts and the time between is the error of what is measured from it; where
        they are not known it is the moment of the evidence.
        Raises FaultFailed when there is no evidence within the limit.
        """
        try:
            evidence = self.wait_until(
                observe,
                what=what,
                limit_seconds=limit_seconds,
                interval_seconds=interval_seconds,
                ignore=(HarnessError,),
            )
        except LimitExceeded as error:
            raise FaultFailed(f"Fault {fault} was injected but not proven: {error}") from error
        issued = clock.monotonic() if issued_at is None else issued_at
        doubt = 0.0 if effective_at is None else effective_at - issued
        moment = {"effect_at": issued, "effect_error": round(doubt, 6)}
        proof = {**moment, **evidence}
        self.recorder.fault(fault, Phase.PROVEN, proof)
        return proof

    def heal(self, id: str | None = None) -> list[UndoResult]:
        """Run the pending undos of this trial, newest first (or the one of ``id``).

        Each success is recorded as healed. Raises FaultFailed, after all were tried, when one
        failed.
        """
        results = self.undo.replay(
            self.tools_report,
            select=lambda e: e.trial == self.trial and e.run == self.run and id in (None, e.id),
            on_result=self._record_healed,
        )
        failed = [r for r in results if not r.healed]
        if failed:
            raise FaultFailed(
                "Not healed: "
                + " ".join(f"{r.entry.what if r.entry else 'undo log'}: {r.error}" for r in failed)
                + " Next step: python -m harness recover"
            )
        return results

    def tools_report(self, line: str) -> None:
        """Record a line of progress in the history."""
        self.recorder.observe("progress", line)

    def silence(self, watcher: str) -> None:
        """Stop one watcher, because what follows is no behaviour of the system."""
        self.on_silence(watcher)

    def _record_healed(self, result: UndoResult) -> None:
        if result.healed and result.entry is not None:
            # Stamped with the begin of the undo: what happens from then on is not the system's
            # own doing, so checkers must not count it as recovery.
            seconds = clock.monotonic() - (result.began_at or clock.monotonic())
            evidence = {
                "what": result.entry.what,
                "undo_seconds": round(seconds, 3),
                **result.evidence,
            }
            self.recorder.fault(result.entry.fault, Phase.HEALED, evidence, at=result.began_at)


def activate(session: Session) -> None:
    """Make a session the one of this process."""
    _active[:] = [session]


def current() -> Session:
    """Return the session of this process.

    Raises FaultFailed outside a trial, so that no fault is injected without undo log.
    """
    if not _active:
        raise FaultFailed(
            "No trial is running in this process: faults need a supervised trial. "
            "Next step: python -m harness run EXPERIMENT"
        )
    return _active[0]
