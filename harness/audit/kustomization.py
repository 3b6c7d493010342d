"""The files that a kustomization is made of, found without rendering it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.documents.lined import Document, read_file

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
DEPTH_MAX = 20
# Looked for below a folder that has no kustomization itself.
_ROOTS = ("overlays/production", "overlays/prod", "production")


def root_of(folder: Path) -> Path | None:
    """Return the folder with the kustomization: itself, else its production overlay."""
    for path in (folder, *(folder / name for name in _ROOTS)):
        if file_of(path) is not None:
            return path
    return None


def file_of(folder: Path) -> Path | None:
    """Return a folder's kustomization file."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def sources(root: Path, problems: list[str]) -> list[Document]:
    """Return the documents of all files below a kustomization, the outermost last.

    A kustomization that includes itself, a file that is not there and a remote base are
    problems, each with file and line.
    """
    return list(_walk(root, (), problems))


def _walk(folder: Path, stack: tuple[Path, ...], problems: list[str]) -> Iterator[Document]:
    file = file_of(folder)
    if file is None:
        return
    for document in read_file(file, problems):
        if not isinstance(document.value, dict):
            problems.append(f"{file}:{document.line}: expected a mapping")
            continue
        for field in ("resources", "bases", "components"):
            for index, entry in enumerate(document.value.get(field) or []):
                at = f"{file}:{document.locate((field, index)) or document.line}"
                yield from _entry(folder, entry, at, (*stack, folder.resolve()), problems)


def _entry(
    folder: Path, entry: Any, at: str, stack: tuple[Path, ...], problems: list[str]
) -> Iterator[Document]:
    if not isinstance(entry, str):
        problems.append(f"{at}: expected the name of a file or folder, got {entry!r}")
        return
    if "://" in entry or entry.startswith(("git@", "github.com/")):
        problems.append(
            f"{at}: expected a file or folder of this project, got the remote base {entry!r}. "
            "Next step: keep a copy beside the kustomization"
        )
        return
    path = Path(os.path.normpath(folder / entry))
    if path.is_file():
        yield from read_file(path, problems)
    elif not path.is_dir() or file_of(path) is None:
        problems.append(f"{at}: expected a file or a folder with a kustomization, got {entry!r}")
    elif path.resolve() in stack or len(stack) > DEPTH_MAX:
        problems.append(f"{at}: expected kustomizations that end, got {entry!r} inside itself")
    else:
        yield from _walk(path, stack, problems)
