"""The scratch copy of a configuration: sources only, never state, lock or plugins."""

from __future__ import annotations

import fnmatch
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.errors import InputInvalid
from harness.provision import override
from harness.provision.configuration import Configuration

FILES_MAX = 5000
BYTES_MAX = 64 * 1024 * 1024
_LEFT_OUT = ("*.tfstate", "*.tfstate.*", ".terraform.tfstate.lock.info", "*.tfplan", override.FILE)
_FOLDERS_LEFT_OUT = frozenset({".terraform", ".git", "terraform.tfstate.d", "node_modules"})
LOCK_FILE = ".terraform.lock.hcl"


def make(configuration: Configuration, target: Path, *, with_lock: bool) -> Path:
    """Copy a configuration's folders below ``target`` and return the copy's root module.

    ``with_lock`` takes the lock file of the root along (for the real provider only). Raises
    InputInvalid when the folders hold more than a configuration would.
    """
    if target.exists():
        shutil.rmtree(target)
    base = configuration.base
    files = total = 0
    for source in _files(configuration):
        files += 1
        total += source.stat().st_size
        if files > FILES_MAX or total > BYTES_MAX:
            raise InputInvalid(
                f"{base}: expected at most {FILES_MAX} files and {BYTES_MAX >> 20} MiB of "
                f"configuration, got more at {source}. Next step: name the folder of the root "
                "module with --terraform."
            )
        if source.name == LOCK_FILE and not (with_lock and source.parent == configuration.root):
            continue
        copy = target / source.relative_to(base)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    return target / configuration.root.relative_to(base)


def write_override(
    configuration: Configuration,
    target: Path,
    *,
    attributes: frozenset[str],
    services: frozenset[str],
    endpoint: str,
    state: Path,
) -> None:
    """Write the override file into every copied folder that needs one."""
    for folder in configuration.folders:
        is_root = folder == configuration.root
        aliases = configuration.aliases.get(folder, ())
        if is_root and "" not in aliases:
            aliases = ("", *aliases)
        text = override.document(
            aliases=aliases,
            attributes=attributes,
            services=services,
            endpoint=endpoint,
            state=state if is_root else None,
        )
        if text:
            _write(target / folder.relative_to(configuration.base) / override.FILE, text)


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=1))


def _files(configuration: Configuration) -> Iterator[Path]:
    seen: set[Path] = set()
    for folder in configuration.folders:
        for current, folders, names in os.walk(folder):
            folders[:] = sorted(n for n in folders if n not in _FOLDERS_LEFT_OUT)
            for name in sorted(names):
                path = Path(current) / name
                if path in seen or any(fnmatch.fnmatch(name, p) for p in _LEFT_OUT):
                    continue
                seen.add(path)
                if path.is_file():
                    yield path
