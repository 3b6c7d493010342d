"""The image manifest: what each image is made of, and the digest that names its content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.errors import InputInvalid
from harness.stack.folders import INFRA, REPOSITORY

PREFIX = "smart-dairy-harness"
MANIFEST = INFRA / "images" / "manifest.yaml"
GO_MODULE = INFRA / "images" / "go"

_KEYS = {"base", "pull", "debootstrap", "context", "expected_seconds", "bake", "tag"}
_CONTEXT_KEYS = {"go", "python", "npm", "wheels", "modules", "copy"}


@dataclass(frozen=True)
class PythonPackages:
    """Packages installed on the host into the context's ``python`` folder."""

    version: str
    requirements: Path


@dataclass(frozen=True)
class BuildContext:
    """What is put beside the Dockerfile: folder name in the context by source."""

    go: tuple[str, ...] = ()
    python: PythonPackages | None = None
    npm: Mapping[str, str] | None = None  # package@version -> folder inside the package
    wheels: Mapping[str, str] | None = None  # package==version -> Python version
    modules: Mapping[str, str] | None = None  # Go module@version -> folder inside the module
    copy: Mapping[str, str] | None = None  # path in the repository -> path in the context


@dataclass(frozen=True)
class Image:
    """One image: pulled by digest where a registry answers, else built as described.

    ``bake`` names images that are imported into this one's own container store (kind nodes).
    ``tag`` is a further reference under which the image must be known inside the cluster.
    """

    name: str
    base: str | None
    pull: str | None
    debootstrap: str | None
    context: BuildContext
    bake: tuple[str, ...]
    expected_seconds: int

    @property
    def folder(self) -> Path:
        """Return the folder with the image's Dockerfile."""
        return INFRA / "images" / self.name


def load(path: Path = MANIFEST) -> dict[str, Image]:
    """Read the manifest, in an order in which each image comes after those it needs.

    Raises InputInvalid with every problem found.
    """
    problems: list[str] = []
    document = yaml.safe_load(path.read_text())
    entries = document.get("images") if isinstance(document, dict) else None
    if not isinstance(entries, dict) or not entries:
        raise InputInvalid(f"{path}: field 'images': expected a mapping of images, got {entries!r}")
    images = {name: _image(name, entry or {}, path, problems) for name, entry in entries.items()}
    for image in images.values():
        for needed in (*((image.base,) if image.base else ()), *image.bake):
            if needed not in images:
                problems.append(
                    f"{path}: image {image.name!r}: expected a known image, got {needed!r}"
                )
    if problems:
        raise InputInvalid(problems)
    return {name: images[name] for name in _ordered(images, path)}


def keys(images: Mapping[str, Image], *, toolchain: str) -> dict[str, str]:
    """Return the content digest of each image: its recipe, its files and those of its bases.

    ``toolchain`` is whatever else decides the content of compiled parts (compiler version).
    """
    result: dict[str, str] = {}
    go_digest = digest_of_files([GO_MODULE])
    for name, image in images.items():
        sources = [image.folder] if image.folder.is_dir() else []
        sources += [REPOSITORY / source for source in (image.context.copy or {})]
        if image.bake:
            sources.append(Path(__file__).with_name("nodeimage.py"))
        parts = [
            name,
            repr(image),
            digest_of_files(sources),
            *(result[needed] for needed in (image.base, *image.bake) if needed),
        ]
        if image.context.go:
            parts += [go_digest, toolchain]
        result[name] = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return result


def reference(name: str, key: str) -> str:
    """Return the name under which the engine knows an image of that content."""
    return f"{PREFIX}/{name}:{key}"


def digest_of_files(paths: list[Path]) -> str:
    """Return one digest over the names and contents of all files below ``paths``."""
    digest = hashlib.sha256()
    for root in paths:
        files = sorted(root.rglob("*")) if root.is_dir() else [root]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(str(file.relative_to(REPOSITORY)).encode() + b"\0")
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _image(name: str, entry: Any, path: Path, problems: list[str]) -> Image:
    if not isinstance(entry, dict):
        problems.append(f"{path}: image {name!r}: expected a mapping, got {entry!r}")
        entry = {}
    unknown = set(entry) - _KEYS
    if unknown:
        problems.append(
            f"{path}: image {name!r}: unknown field {', '.join(sorted(unknown))}; "
            f"expected one of {', '.join(sorted(_KEYS))}"
        )
    context = entry.get("context") or {}
    unknown = set(context) - _CONTEXT_KEYS
    if unknown:
        problems.append(
            f"{path}: image {name!r}, field 'context': unknown field "
            f"{', '.join(sorted(unknown))}; expected one of {', '.join(sorted(_CONTEXT_KEYS))}"
        )
    python = context.get("python")
    return Image(
        name=name,
        base=entry.get("base"),
        pull=entry.get("pull"),
        debootstrap=entry.get("debootstrap"),
        context=BuildContext(
            go=tuple(context.get("go") or ()),
            python=PythonPackages(
                str(python["version"]), Path("infra/images") / name / python["requirements"]
            )
            if python
            else None,
            npm=context.get("npm"),
            wheels=context.get("wheels"),
            modules=context.get("modules"),
            copy=context.get("copy"),
        ),
        bake=tuple(entry.get("bake") or ()),
        expected_seconds=int(entry.get("expected_seconds", 30)),
    )


def _ordered(images: Mapping[str, Image], path: Path) -> list[str]:
    done: list[str] = []
    visiting: set[str] = set()

    def visit(name: str) -> None:
        if name in done:
            return
        if name in visiting:
            raise InputInvalid(f"{path}: image {name!r} needs itself")
        visiting.add(name)
        image = images[name]
        for needed in (*((image.base,) if image.base else ()), *image.bake):
            visit(needed)
        done.append(name)

    for name in images:
        visit(name)
    return done
