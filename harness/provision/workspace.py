"""Where one configuration's state and plans stand: in the harness's state, never the source."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.provision.standin_package import store
from harness.stack.folders import Folders


@dataclass(frozen=True)
class Workspace:
    """The folder of one configuration against one endpoint."""

    folder: Path

    @classmethod
    def of(cls, folders: Folders, root: Path, endpoint: str) -> Workspace:
        """Return the workspace of a root module for an endpoint; the same pair has the same one."""
        name = re.sub(r"[^a-z0-9-]+", "-", root.name.lower()).strip("-") or "root"
        digest = hashlib.sha256(f"{root}\n{endpoint}".encode()).hexdigest()[:10]
        return cls(folders.state / "provision" / f"{name}-{digest}")

    @property
    def state(self) -> Path:
        """Return Terraform's state file."""
        return self.folder / "terraform.tfstate"

    @property
    def copy(self) -> Path:
        """Return the scratch copy of the sources, made anew by every run."""
        return self.folder / "copy"

    @property
    def home(self) -> Path:
        """Return the home folder of Terraform and its providers."""
        return self.folder / "home"

    @property
    def journal(self) -> Path:
        """Return the file with what the stand-in made, written before Terraform knows of it."""
        return self.folder / "created.jsonl"

    @property
    def alive(self) -> Path:
        """Return the file that the stand-in's processes hold locked while they live."""
        return self.folder / "alive"

    def prepare(self) -> None:
        """Make the folders, closed to others: plans and state hold secrets."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.home.mkdir(exist_ok=True)

    def managed(self) -> list[tuple[str, str]]:
        """Return type and id of every resource in the state."""
        return [
            (str(resource.get("type")), str((instance.get("attributes") or {}).get("id")))
            for resource in self._document().get("resources") or []
            if resource.get("mode") == "managed"
            for instance in resource.get("instances") or []
        ]

    def is_empty(self) -> bool:
        """Say whether nothing is in the state."""
        return not self.managed()

    def provider(self) -> str | None:
        """Return which kind of provider made what is in the state; None where nothing is."""
        if self.is_empty():
            return None
        try:
            record = json.loads((self.folder / "provider.json").read_text())
        except (OSError, ValueError):
            return None
        return str(record.get("kind"))

    def write_provider(self, record: Mapping[str, Any]) -> None:
        """Store which provider is about to change the state."""
        store(self.folder / "provider.json", json.dumps(record, indent=1).encode())

    def write_plan(self, plan: bytes, record: Mapping[str, Any]) -> Path:
        """Store a plan's JSON and its record; return the JSON's path."""
        path = self.folder / "plans" / f"{record['digest'][:16]}.json"
        store(path, plan, mode=0o600)
        text = json.dumps(record, indent=1).encode()
        store(path.with_suffix(".record.json"), text, mode=0o600)
        return path

    def _document(self) -> dict[str, Any]:
        try:
            document = json.loads(self.state.read_text())
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}
