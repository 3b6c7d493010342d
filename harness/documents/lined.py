"""YAML text -> plain values whose lines can be asked for, with limits against hostile input.

Differs from ``harness.documents.reader``, which checks a known structure field by field, in that
any structure is accepted, files hold many documents, and values are read in bulk: the lines are
found only when somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

# Keys and indexes from the root of a document to one of its fields.
FieldPath = tuple[str | int, ...]

BYTES_MAX = 32 * 1024 * 1024
# Aliases may repeat what stands once; beyond this a small file becomes a large object.
EXPANDED_NODES_MAX = 2_000_000
_TEXT = "tag:yaml.org,2002:str"
_MERGE = "tag:yaml.org,2002:merge"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Document:
    """One document of a YAML file."""

    file: str
    value: Any
    node: Node

    @property
    def line(self) -> int:
        """Return the line at which the document's content begins."""
        return int(self.node.start_mark.line) + 1

    def locate(self, path: FieldPath) -> int | None:
        """Return the line of a field; None where there is none."""
        return line_of(self.node, path)


def line_of(node: Node, path: FieldPath) -> int | None:
    """Return the line of a field below a node; of a mapping's field it is the key's line."""
    line = int(node.start_mark.line) + 1
    for step in path:
        if isinstance(node, MappingNode):
            pair = next((p for p in node.value if p[0].value == str(step)), None)
            if pair is None:
                return None
            key, node = pair
            line = int(key.start_mark.line) + 1
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = int(node.start_mark.line) + 1
        else:
            return None
    return line


def read_file(path: Path, problems: list[str], *, shown: str = "") -> list[Document]:
    """Return a file's documents; each problem adds one sentence with file and line."""
    name = shown or str(path)
    try:
        size = path.stat().st_size
        if size > BYTES_MAX:
            problems.append(
                f"{name}:1: expected at most {BYTES_MAX // 1024**2} MiB of YAML, got "
                f"{size / 1024**2:.1f} MiB. Next step: split the file"
            )
            return []
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        problems.append(f"{name}:1: expected a readable file, got {error.strerror}")
        return []
    except UnicodeDecodeError as error:
        problems.append(f"{name}:1: expected UTF-8 text, got byte {error.start} that is not")
        return []
    return read_text(text, name, problems)


def read_text(text: str, name: str, problems: list[str]) -> list[Document]:
    """Return the documents of a text, as ``read_file``."""
    try:
        nodes = [node for node in yaml.compose_all(text, Loader=_LOADER) if node is not None]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problems.append(f"{name}:{line}: expected valid YAML, got: {error.problem}")
        return []
    except (yaml.YAMLError, RecursionError) as error:
        problems.append(f"{name}:1: expected valid YAML, got: {error}")
        return []
    found = []
    for node in nodes:
        before = len(problems)
        if _too_large(node, name, problems):
            continue
        value = _Values(name, problems).of(node)
        # Between two separators there may be nothing but a comment.
        if len(problems) == before and value is not None:
            found.append(Document(name, value, node))
    return found


def _too_large(root: Node, name: str, problems: list[str]) -> bool:
    sizes: dict[int, int] = {}
    active: set[int] = set()
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, done = stack.pop()
        key = id(node)
        line = int(node.start_mark.line) + 1
        if done:
            active.discard(key)
            sizes[key] = 1 + sum(sizes[id(child)] for child in _children(node))
            if sizes[key] > EXPANDED_NODES_MAX:
                problems.append(
                    f"{name}:{line}: expected at most {EXPANDED_NODES_MAX} values once aliases "
                    f"are filled in, got more: a few anchors repeat each other"
                )
                return True
        elif key in active:
            problems.append(f"{name}:{line}: expected a value, got an anchor inside itself")
            return True
        elif key not in sizes:
            if isinstance(node, ScalarNode):
                sizes[key] = 1
                continue
            active.add(key)
            stack.append((node, True))
            stack.extend((child, False) for child in _children(node))
    return False


def _children(node: Node) -> Iterator[Node]:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, SequenceNode):
        yield from node.value


class _Values:
    """Makes plain values; mapping keys are text as written, so that ``on`` stays ``on``."""

    def __init__(self, name: str, problems: list[str]) -> None:
        self._name, self._problems = name, problems
        self._scalars = SafeConstructor()
        self._shared: dict[int, Any] = {}

    def of(self, node: Node) -> Any:
        if isinstance(node, ScalarNode):
            return node.value if node.tag == _TEXT else self._scalar(node)
        if id(node) in self._shared:
            return self._shared[id(node)]
        value: Any
        if isinstance(node, SequenceNode):
            value = [self.of(item) for item in node.value]
        else:
            assert isinstance(node, MappingNode)
            value = self._mapping(node)
        self._shared[id(node)] = value
        return value

    def _mapping(self, node: MappingNode) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, inner in node.value:
            if key.tag == _MERGE:
                value = self.of(inner)
                for one in value if isinstance(value, list) else [value]:
                    merged.update(one if isinstance(one, dict) else {})
                continue
            name = key.value if isinstance(key, ScalarNode) else str(self.of(key))
            if name in found:
                line = int(key.start_mark.line) + 1
                self._problems.append(
                    f"{self._name}:{line}: key {name!r}: expected each key once, got it again"
                )
            found[name] = self.of(inner)
        return {**merged, **found} if merged else found

    def _scalar(self, node: ScalarNode) -> Any:
        try:
            return self._scalars.construct_object(node)
        except (ConstructorError, ValueError) as error:
            line = int(node.start_mark.line) + 1
            what = getattr(error, "problem", None) or error
            self._problems.append(f"{self._name}:{line}: expected a plain value, got: {what}")
            return None
