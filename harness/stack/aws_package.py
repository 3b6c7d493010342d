"""``harness.awsplane`` as the emulator's container sees it: a folder named after its content.

A change of the package gives another folder, so that the container is made anew.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from harness.awsplane import package
from harness.stack.folders import Folders

# On PYTHONPATH of the container, after LocalStack's own packages.
INSIDE = "/opt/awsplane"


def version() -> str:
    """Return the digest of the package's content, short."""
    return package.digest(package.files())[:16]


def folder(where: Folders) -> Path:
    """Return the folder on the host that ``write`` fills for this version of the package."""
    return where.state / "awsplane" / version()


def write(where: Folders) -> Path:
    """Write the package, whole or not at all, readable by the container's user."""
    target = folder(where)
    if target.is_dir():
        return target
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for name, text in package.files().items():
        path = partial / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in (partial, *partial.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    partial.rename(target)
    return target
