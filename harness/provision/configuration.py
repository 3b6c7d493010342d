"""A Terraform configuration as it has to be known before it may run: its folders, the types it
mentions, its provider blocks, and everything in it that could reach past the emulator.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InputInvalid
from harness.provision import hcl, traces
from harness.provision.hcl import Block

FILE_BYTES_MAX = 5 * 1024 * 1024
_LOCAL = ("./", "../")
# Providers that compute and touch nothing outside: the only ones beside aws.
HARMLESS_PROVIDERS = frozenset({"archive", "cloudinit", "local", "null", "random", "time", "tls"})
_REFUSED_DATA = {
    "external": "runs a program",
    "http": "reads from the network",
    "terraform_remote_state": "reads another state, which may stand in a real account",
}


@dataclass(frozen=True)
class Configuration:
    """A root module with its local modules.

    ``folders``: the root first. ``aliases``: for each folder with provider "aws" blocks their
    aliases, the empty text for the default one. ``other_providers``: names beside aws.
    """

    root: Path
    folders: tuple[Path, ...]
    resource_types: frozenset[str]
    data_types: frozenset[str]
    aliases: Mapping[Path, tuple[str, ...]]
    other_providers: frozenset[str]

    @property
    def base(self) -> Path:
        """Return the folder below which all of the configuration stands."""
        return Path(os.path.commonpath(self.folders))


def read(folder: Path) -> Configuration:
    """Read a root module and every local module that it uses.

    Raises InputInvalid with every problem: no configuration, malformed files, modules that are
    not local, provisioners, data sources and providers that reach outside, traces of the
    stand-in in the source folder.
    """
    root = folder.expanduser().resolve()
    problems: list[str] = []
    if not root.is_dir():
        raise InputInvalid(f"{folder}: expected a folder with Terraform files, got nothing there.")
    found: dict[Path, tuple[Block, ...]] = {}
    waiting = [root]
    while waiting:
        current = waiting.pop()
        if current in found:
            continue
        found[current] = tuple(_blocks(current, problems))
        for block in found[current]:
            if block.kind == "module":
                target = _module(current, block, problems)
                if target is not None:
                    waiting.append(target)
    if not found[root] and not problems:
        problems.append(f"{folder}: expected Terraform files (*.tf), got none.")
    for current, blocks in found.items():
        problems.extend(_unsafe(current, blocks))
        problems.extend(traces.of_standin(current))
    if problems:
        remedy = "Nothing was started. Next step: correct what is named above and run again."
        raise InputInvalid([*problems, remedy])
    return _configuration(root, found)


def _configuration(root: Path, found: Mapping[Path, tuple[Block, ...]]) -> Configuration:
    every = [block for blocks in found.values() for block in blocks]
    aliases = {
        folder: tuple(sorted({b.texts.get("alias", "") for b in blocks if _is_aws(b)}))
        for folder, blocks in found.items()
    }
    return Configuration(
        root=root,
        folders=(root, *sorted(folder for folder in found if folder != root)),
        resource_types=frozenset(b.labels[0] for b in every if b.kind == "resource" and b.labels),
        data_types=frozenset(b.labels[0] for b in every if b.kind == "data" and b.labels),
        aliases={folder: names for folder, names in aliases.items() if names},
        other_providers=frozenset(name for name, _, _ in _providers(root, every)) - {"aws"},
    )


def _is_aws(block: Block) -> bool:
    return block.kind == "provider" and block.labels == ("aws",)


def _blocks(folder: Path, problems: list[str]) -> Iterator[Block]:
    for path in sorted(folder.iterdir()):
        if not path.name.endswith((".tf", ".tf.json", ".tofu")) or not path.is_file():
            continue
        try:
            size = path.stat().st_size
            if size > FILE_BYTES_MAX:
                problems.append(
                    f"{path}: expected at most {FILE_BYTES_MAX} bytes of configuration, got {size}."
                )
                continue
            text = path.read_text(encoding="utf-8")
            parse = hcl.parse_json if path.name.endswith(".json") else hcl.parse
            for block in parse(text):
                yield _at(path, block)
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{path}: cannot be read: {error}.")
        except RecursionError:
            problems.append(f"{path}: expected blocks nested at most a few levels deep.")
        except hcl.Malformed as error:
            problems.append(f"{path}:{error.line}: {error}.")


def _at(path: Path, block: Block) -> Block:
    # The file's name travels with the block, for messages.
    return Block(block.kind, block.labels, block.line, {**block.texts, "": path.name}, block.blocks)


def _place(folder: Path, block: Block) -> str:
    return f"{folder / block.texts.get('', '')}:{block.line}"


def _module(folder: Path, block: Block, problems: list[str]) -> Path | None:
    source = block.texts.get("source")
    name = block.labels[0] if block.labels else ""
    if source is None or not source.startswith(_LOCAL):
        problems.append(
            f"{_place(folder, block)}: module {name!r}: expected a local source ('./' or '../'), "
            f"got {source!r}: what a module from elsewhere would reach cannot be judged beforehand."
        )
        return None
    target = (folder / source).resolve()
    if not target.is_dir():
        problems.append(
            f"{_place(folder, block)}: module {name!r}: expected a folder, got nothing at {target}."
        )
        return None
    return target


def _unsafe(folder: Path, blocks: tuple[Block, ...]) -> Iterator[str]:
    for block in blocks:
        place = _place(folder, block)
        if block.kind == "data" and block.labels and block.labels[0] in _REFUSED_DATA:
            why = _REFUSED_DATA[block.labels[0]]
            yield f"{place}: data source {block.labels[0]!r} is refused: it {why}."
        for inner in block.inside("provisioner"):
            kind = inner.labels[0] if inner.labels else ""
            yield (
                f"{place}: provisioner {kind!r} is refused: it runs a program that no emulator "
                "stands in for."
            )
        if block.kind == "provider" and block.labels and block.labels[0] not in _allowed():
            yield f"{place}: provider {block.labels[0]!r} is refused: only {_names()} may run."
    for name, source, place in _providers(folder, list(blocks)):
        expected = f"hashicorp/{name}"
        if name not in _allowed():
            yield f"{place}: provider {name!r} is refused: only {_names()} may run."
        elif source and not source.removesuffix("/").endswith(expected):
            yield f"{place}: provider {name!r}: expected the source {expected!r}, got {source!r}."


def _allowed() -> frozenset[str]:
    return HARMLESS_PROVIDERS | {"aws"}


def _names() -> str:
    return ", ".join(sorted(_allowed()))


def _providers(folder: Path, blocks: list[Block]) -> Iterator[tuple[str, str | None, str]]:
    """Yield name, source and place of each required provider and each one that a type implies."""
    declared: set[str] = set()
    for block in blocks:
        if block.kind == "terraform":
            for required in block.inside("required_providers"):
                place = _place(folder, block)
                for name in required.texts:
                    declared.add(name)
                    yield name, None, place
                for entry in required.blocks:
                    declared.add(entry.kind)
                    yield entry.kind, entry.texts.get("source"), place
    for block in blocks:
        if block.kind in ("resource", "data") and block.labels:
            name = block.labels[0].split("_", maxsplit=1)[0]
            known = name in declared or name == "terraform" or block.labels[0] in _REFUSED_DATA
            if not known:
                declared.add(name)
                yield name, None, _place(folder, block)
