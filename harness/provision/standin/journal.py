"""What this configuration's runs have made, written before Terraform can know of it.

A run that is killed between a create call and Terraform's own record leaves a resource that no
state names. The next creation of the same thing takes that one over instead of making a second.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.provision.standin.wire import known


class Journal:
    """A file with one line for each resource made: type, what was planned (a digest) and id."""

    def __init__(self, path: Path, state: Path) -> None:
        self._path = path
        self._state = state
        self._taken: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def record(self, name: str, planned: Mapping[str, Any], identifier: str) -> None:
        """Note a resource that was just made; on disk when this returns."""
        line = json.dumps({"type": name, "planned": digest(planned), "id": identifier}) + "\n"
        with self._lock, self._path.open("a") as sink:
            sink.write(line)
            sink.flush()
            os.fsync(sink.fileno())
            self._taken.add((name, identifier))

    def unrecorded(self, name: str, planned: Mapping[str, Any]) -> Iterator[str]:
        """Yield ids of resources made as planned that the state does not name, each once."""
        with self._lock:
            in_state = self._in_state(name)
            for line in self._lines():
                identifier = str(line.get("id"))
                same = line.get("type") == name and line.get("planned") == digest(planned)
                if not same or identifier in in_state or (name, identifier) in self._taken:
                    continue
                self._taken.add((name, identifier))
                yield identifier

    def _lines(self) -> list[dict[str, Any]]:
        try:
            text = self._path.read_text()
        except FileNotFoundError:
            return []
        found = []
        for line in text.splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:  # the last line of a killed run
                continue
        return found

    def _in_state(self, name: str) -> set[str]:
        try:
            document = json.loads(self._state.read_text())
        except (OSError, ValueError):
            return set()
        return {
            str((instance.get("attributes") or {}).get("id"))
            for resource in document.get("resources") or []
            if resource.get("type") == name
            for instance in resource.get("instances") or []
        }


def digest(planned: Mapping[str, Any]) -> str:
    """Return a short digest of what was planned for a resource."""
    text = json.dumps(known(dict(planned)), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
