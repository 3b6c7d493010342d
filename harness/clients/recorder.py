"""The recorder of one trial: everything that was seen, in one append-only file.

Records are written at most FLUSH_SECONDS after they were made, in whole lines by one write
call for each batch, so that a recorder that is killed loses at most that time and tears at
most its last line.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness import clock, polling
from harness.errors import EnvironmentUnavailable
from harness.model.history import (
    Fault,
    FinalRead,
    Header,
    Observation,
    Operation,
    Outcome,
    Phase,
    Record,
    header_line,
    to_line,
)

FLUSH_SECONDS = 0.05
ERROR_CHARACTERS_MAX = 300

# The flusher ends within one flush interval; a disk that blocks longer than this is broken.
_CLOSE_LIMIT_SECONDS = 10.0

_time = attrgetter("at")


class Recorder:
    """Thread-safe writer of one history file; every time is read from one clock.

    A record without ``at`` is stamped when it is handed over. Records of one batch are written
    in time order; a record handed over late with an earlier ``at`` may follow later ones.
    Raises EnvironmentUnavailable when the file is there already or cannot be written; once a
    write failed every further call raises, because a history with a hole must not be judged.
    Records that arrive after ``close`` are counted in ``late`` and not written.
    """

    def __init__(self, path: Path, *, claim: str, spacing_seconds: float) -> None:
        self.path = path
        self.late = 0
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._pending: list[Record] = []
        self._closing = threading.Event()
        self._failure: OSError | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Exclusive, so that two trials can never be mixed in one history.
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except OSError as error:
            raise EnvironmentUnavailable(
                f"History {path} cannot be created: expected a new file in a writable folder, "
                f"got: {error}. Next step: use a fresh results folder."
            ) from error
        self._write(header_line(Header(claim, spacing_seconds)) + "\n")
        self._flusher = threading.Thread(target=self._flush_loop, name="recorder", daemon=True)
        self._flusher.start()

    def operation(
        self,
        client: str,
        op: str,
        id: str,
        outcome: Outcome,
        error: str | None = None,
        *,
        at: float | None = None,
    ) -> None:
        """Record one step of a client operation; ``at`` in seconds of ``clock.monotonic``."""
        with self._lock:
            now = clock.monotonic() if at is None else at
            self._append(Operation(now, client, op, id, Outcome(outcome), error))

    def fault(
        self,
        fault: str,
        phase: Phase,
        evidence: Mapping[str, Any] | None = None,
        *,
        at: float | None = None,
    ) -> None:
        """Record that a fault was injected, proven or healed, with its JSON evidence."""
        with self._lock:
            now = clock.monotonic() if at is None else at
            self._append(Fault(now, fault, Phase(phase), dict(evidence or {})))

    def observe(self, probe: str, value: Any, *, at: float | None = None) -> None:
        """Record one measurement; ``value`` is any JSON value."""
        with self._lock:
            now = clock.monotonic() if at is None else at
            self._append(Observation(now, probe, value))

    def final_read(
        self, op: str, outcome: Outcome, ids: Iterable[str], *, at: float | None = None
    ) -> None:
        """Record what the data store holds after recovery."""
        held = tuple(ids)
        with self._lock:
            now = clock.monotonic() if at is None else at
            self._append(FinalRead(now, op, Outcome(outcome), held))

    def close(self) -> None:
        """Write what is pending and close the file; calling it again does nothing."""
        with self._lock:
            if self._closing.is_set():
                return
            self._closing.set()
        self._flusher.join(_CLOSE_LIMIT_SECONDS)
        self._flush()
        with self._write_lock:
            os.close(self._file)
        self._raise_failure()

    def __enter__(self) -> Self:
        """Return the recorder itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close; a failed write is noted on an error that is already on its way."""
        try:
            self.close()
        except EnvironmentUnavailable as failure:
            if error is None:
                raise
            error.add_note(str(failure))

    def _append(self, record: Record) -> None:
        if self._closing.is_set():
            self.late += 1
            return
        self._raise_failure()
        self._pending.append(record)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise EnvironmentUnavailable(
                f"History {self.path} is incomplete: writing failed with {self._failure}. "
                "Next step: free disk space and run the trial again."
            ) from self._failure

    def _flush_loop(self) -> None:
        while not polling.pause(FLUSH_SECONDS, stop=self._closing):
            self._flush()

    def _flush(self) -> None:
        # Serialized apart from the lock that clients take, so that writing never delays them.
        with self._write_lock:
            with self._lock:
                batch, self._pending = self._pending, []
            if batch and self._failure is None:
                batch.sort(key=_time)
                self._write("".join([to_line(record) + "\n" for record in batch]))

    def _write(self, text: str) -> None:
        data = memoryview(text.encode())
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            self._failure = error


def brief(error: BaseException | str) -> str:
    """Return an error as one short line for the history."""
    text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())[:ERROR_CHARACTERS_MAX]
