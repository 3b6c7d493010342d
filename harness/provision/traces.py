"""Traces of the stand-in in a source folder: lock files and state that no real run may see."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

from harness.provision import standin_binary
from harness.provision.standin_marker import MARKER

_STATE_BYTES_MAX = 64 * 1024 * 1024


def of_standin(folder: Path) -> list[str]:
    """Return a sentence for each lock file or state in ``folder`` that the stand-in made."""
    return [*_locks(folder), *_states(folder)]


def _locks(folder: Path) -> Iterator[str]:
    path = folder / ".terraform.lock.hcl"
    if path.is_file() and standin_binary.lock_hash() in path.read_text(errors="replace"):
        yield (
            f"{path}: is the stand-in provider's lock file; with it a real run would refuse the "
            "real provider. Next step: delete it."
        )


def _states(folder: Path) -> Iterator[str]:
    for path in sorted([*folder.glob("*.tfstate*"), *folder.glob("terraform.tfstate.d/*/*")]):
        if path.is_file() and path.stat().st_size <= _STATE_BYTES_MAX and is_standin_state(path):
            yield (
                f"{path}: is a state of the stand-in provider; a real run would take its "
                "resources for real ones. Next step: delete it."
            )


def is_standin_state(path: Path) -> bool:
    """Say whether a state file has resources that the stand-in made."""
    try:
        document = json.loads(path.read_text(errors="replace"))
    except (OSError, ValueError):
        return False
    listed = document.get("resources") if isinstance(document, dict) else None
    wanted = base64.b64encode(MARKER).decode()
    return any(
        isinstance(instance, dict) and instance.get("private") == wanted
        for resource in (listed if isinstance(listed, list) else [])
        if isinstance(resource, dict)
        for instance in resource.get("instances") or []
    )
