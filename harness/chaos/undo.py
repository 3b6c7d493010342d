"""The undo log: what heals a fault is on disk before the fault is injected.

JSON lines in the state folder. A planned entry names the function that heals and its arguments;
a later line marks it healed. Every undo is idempotent, because the process that ran it may have
died before it could write that down. A line that was cut off belongs to a fault that was never
injected (the injection waits for the fsync), so it is dropped.
"""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import clock
from harness.clients.recorder import brief
from harness.errors import FaultFailed
from harness.stack.folders import Folders

FILE_NAME = "undo.jsonl"

_WRITERS = threading.Lock()


@dataclass(frozen=True)
class UndoEntry:
    """A planned undo: ``provider`` is ``module:function``, called with ``arguments``."""

    id: str
    run: str
    trial: str
    fault: str
    what: str
    provider: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class UndoResult:
    """What became of one undo; ``evidence`` is what the function returned.

    ``began_at`` is when it began, on the monotonic clock: from then on the system was helped.
    """

    entry: UndoEntry | None
    healed: bool
    error: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    began_at: float | None = None


@dataclass(frozen=True)
class LogContent:
    """The log as read: entries in order of planning, ids healed, numbers of damaged lines."""

    entries: tuple[UndoEntry, ...]
    healed: frozenset[str]
    damaged: tuple[int, ...]

    @property
    def pending(self) -> list[UndoEntry]:
        """Return the entries that are not marked healed, oldest first."""
        return [entry for entry in self.entries if entry.id not in self.healed]


def parse(data: bytes) -> LogContent:
    """Read the log; a last line without line feed was cut off and is dropped."""
    entries: list[UndoEntry] = []
    healed: set[str] = set()
    damaged: list[int] = []
    lines = data.split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        if not line.strip():
            continue
        try:
            document = json.loads(line)
            if document.get("healed"):
                healed.add(document["id"])
            else:
                entries.append(UndoEntry(**document))
        except (ValueError, TypeError, KeyError, AttributeError):
            damaged.append(number)
    return LogContent(tuple(entries), frozenset(healed), tuple(damaged))


class UndoLog:
    """The log of one machine's stack; safe to use from several threads and processes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, where: Folders) -> UndoLog:
        """Return the log of the stack whose state is in ``where``."""
        return cls(where.state / FILE_NAME)

    def plan(
        self,
        *,
        run: str,
        trial: str,
        fault: str,
        what: str,
        provider: str,
        arguments: Mapping[str, Any] | None = None,
    ) -> str:
        """Store how a fault is healed and return its id once that is on the disk.

        Raises FaultFailed when ``provider`` is no function that can be imported, because an
        undo that cannot run must stop the injection.
        """
        resolve(provider)
        entry = {
            "id": uuid.uuid4().hex,
            "run": run,
            "trial": trial,
            "fault": fault,
            "what": what,
            "provider": provider,
            "arguments": dict(arguments or {}),
        }
        self._append(entry)
        return str(entry["id"])

    def healed(self, id: str) -> None:
        """Mark an entry healed."""
        self._append({"id": id, "healed": True})

    def content(self) -> LogContent:
        """Read the log; one that is not there is empty."""
        try:
            return parse(self.path.read_bytes())
        except FileNotFoundError:
            return LogContent((), frozenset(), ())

    def pending(self) -> list[UndoEntry]:
        """Return what is planned and not healed, oldest first."""
        return self.content().pending

    def replay(
        self,
        report: Callable[[str], None],
        *,
        select: Callable[[UndoEntry], bool] = lambda entry: True,
        on_result: Callable[[UndoResult], None] = lambda result: None,
    ) -> list[UndoResult]:
        """Run every pending undo that ``select`` takes, newest first, and return all results.

        A failed undo does not keep the others from running and stays pending. A damaged line
        is a failed result without an entry.
        """
        content = self.content()
        results = []
        for number in content.damaged:
            results.append(
                UndoResult(
                    None,
                    False,
                    f"{self.path}, line {number}: expected an undo entry, got a damaged line. "
                    "Next step: python -m harness down, then up.",
                )
            )
        for entry in reversed([e for e in content.pending if select(e)]):
            report(f"undo: {entry.what}")
            result = self._run(entry)
            if result.error is not None:
                report(f"undo: failed: {entry.what}: {result.error}")
            results.append(result)
            on_result(result)
        return results

    def _run(self, entry: UndoEntry) -> UndoResult:
        began_at = clock.monotonic()
        try:
            evidence = resolve(entry.provider)(**entry.arguments)
            self.healed(entry.id)
        # The edge of foreign code: one undo that fails must not keep the others from running.
        except Exception as error:
            return UndoResult(entry, False, brief(error))
        told = evidence if isinstance(evidence, Mapping) else {}
        return UndoResult(entry, True, None, told, began_at)

    def _append(self, document: Mapping[str, Any]) -> None:
        line = json.dumps(document, ensure_ascii=False).encode() + b"\n"
        with _WRITERS, self._open() as handle:
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                _drop_torn_line(handle, size)
            os.write(handle, line)
            os.fsync(handle)

    @contextmanager
    def _open(self) -> Iterator[int]:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = not self.path.exists()
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if fresh:
                _sync_folder(self.path.parent)
            yield handle
        finally:
            os.close(handle)


def resolve(provider: str) -> Callable[..., Any]:
    """Return the function that ``module:function`` names.

    Raises FaultFailed when there is none.
    """
    module_name, _, name = provider.partition(":")
    try:
        function = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise FaultFailed(
            f"Undo {provider!r}: expected module:function that can be imported, got {error}."
        ) from error
    if not callable(function):
        raise FaultFailed(f"Undo {provider!r}: expected a function, got {function!r}.")
    found: Callable[..., Any] = function
    return found


def _drop_torn_line(handle: int, size: int) -> None:
    data = os.pread(handle, size, 0)
    os.ftruncate(handle, data.rfind(b"\n") + 1)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
