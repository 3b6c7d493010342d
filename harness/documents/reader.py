"""Reads YAML with line numbers, so that every problem of a document names its line."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SHOWN_AT_MOST = 12


class Reader:
    """One YAML file; its methods return usable values and collect problems.

    A method that finds a problem returns None or an empty value after having recorded it.
    """

    def __init__(self, path: Path, problems: list[str]) -> None:
        """``problems`` is shared by all readers of one load and takes one sentence each."""
        self.path = path
        self.problems = problems

    def problem(self, node: Node | int, field: str, expected: str, got: object) -> None:
        """Record a problem at a node (or line number)."""
        line = node if isinstance(node, int) else node.start_mark.line + 1
        shown = got if isinstance(got, _Verbatim) else repr(got)
        what = f"field {field!r}" if field else "document"
        self.problems.append(f"{self.path}:{line}: {what}: expected {expected}, got {shown}")

    def unknown(self, node: Node, field: str, known: Collection[str], got: str) -> None:
        """Record a name that is not one of the known ones."""
        near = difflib.get_close_matches(got, known, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        self.problem(node, field, _one_of(known), _Verbatim(f"{got!r}{hint}"))

    def root(self) -> Node | None:
        """Return the document's root; None after a problem."""
        try:
            text = self.path.read_text(encoding="utf-8")
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except OSError as error:
            self.problem(1, "", "a readable file", _Verbatim(str(error.strerror)))
            return None
        except UnicodeDecodeError as error:
            self.problem(1, "", "UTF-8 text", _Verbatim(f"byte {error.start} that is not"))
            return None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            self.problem(line, "", "valid YAML", _Verbatim(str(error.problem)))
            return None
        except yaml.YAMLError as error:
            self.problem(1, "", "valid YAML", _Verbatim(str(error)))
            return None
        if node is None:
            self.problem(1, "", "a mapping", _Verbatim("an empty file"))
        return node

    def mapping(
        self,
        node: Node | None,
        field: str,
        required: Sequence[str],
        optional: Sequence[str] | None,
    ) -> dict[str, Node] | None:
        """Return a mapping's nodes by key; ``optional`` None allows any further key."""
        if node is None:
            return None
        if not isinstance(node, MappingNode):
            self.problem(node, field, "a mapping", _Verbatim(_kind(node)))
            return None
        found: dict[str, Node] = {}
        for key, value in node.value:
            name = str(key.value)
            inner = f"{field}.{name}" if field else name
            if name in found:
                self.problem(key, inner, "each key once", _Verbatim("it again"))
            elif optional is not None and name not in required and name not in optional:
                self.unknown(key, inner, [*required, *optional], name)
            else:
                found[name] = value
        for name in required:
            if name not in found:
                inner = f"{field}.{name}" if field else name
                self.problem(node, inner, "a value", _Verbatim("nothing: it is missing"))
        return found

    def sequence(self, node: Node, field: str, *, at_least: int = 0) -> list[Node]:
        """Return a list's nodes."""
        if not isinstance(node, SequenceNode):
            self.problem(node, field, "a list", _Verbatim(_kind(node)))
            return []
        if len(node.value) < at_least:
            expected = f"at least {at_least} entries" if at_least > 1 else "at least one entry"
            self.problem(node, field, expected, _Verbatim(str(len(node.value))))
        return list(node.value)

    def text(self, node: Node, field: str) -> str:
        """Return text that is not empty."""
        value = self._scalar(node)
        if not isinstance(value, str) or not value.strip():
            self.problem(node, field, "text", _Verbatim(_shown(node, value)))
            return ""
        return value.strip()

    def name(self, node: Node, field: str) -> str:
        """Return a name of lower-case words joined by hyphens: it becomes a folder's name."""
        value = self.text(node, field)
        if value and not _NAME.fullmatch(value):
            self.problem(node, field, "lower-case letters, digits and hyphens", value)
        return value

    def choice(self, node: Node, field: str, options: Collection[str]) -> str:
        """Return one of the options; empty after a problem."""
        value = self.text(node, field)
        if value and value not in options:
            self.unknown(node, field, options, value)
            return ""
        return value

    def number(self, node: Node, field: str, *, at_least: float | None = None) -> float | None:
        """Return a finite number."""
        value = self._scalar(node)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.problem(node, field, "a number", _Verbatim(_shown(node, value)))
            return None
        if not math.isfinite(value):
            self.problem(node, field, "a finite number", _Verbatim(_shown(node, value)))
            return None
        if at_least is not None and value < at_least:
            self.problem(node, field, f"a number of at least {at_least:g}", value)
            return None
        return float(value)

    def whole(self, node: Node, field: str, *, at_least: int) -> int | None:
        """Return a whole number."""
        value = self._scalar(node)
        if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
            expected = f"a whole number of at least {at_least}"
            self.problem(node, field, expected, _Verbatim(_shown(node, value)))
            return None
        return value

    def plain_mapping(self, node: Node, field: str) -> dict[str, Any] | None:
        """Return a mapping with all that is in it as plain values."""
        if self.mapping(node, field, (), None) is None:
            return None
        try:
            value = SafeConstructor().construct_document(node)
        except ConstructorError as error:
            self.problem(node, field, "plain values", _Verbatim(str(error.problem)))
            return None
        return {str(key): inner for key, inner in value.items()}

    def _scalar(self, node: Node) -> Any:
        if not isinstance(node, ScalarNode):
            return None
        try:
            return SafeConstructor().construct_document(node)
        except (ConstructorError, ValueError):
            return None


class _Verbatim(str):
    """Text that is shown without quotes."""

    __slots__ = ()


def _one_of(known: Collection[str]) -> str:
    names = sorted(known)
    more = ", ..." if len(names) > _SHOWN_AT_MOST else ""
    return "one of " + ", ".join(names[:_SHOWN_AT_MOST]) + more if names else "a known name"


def _kind(node: Node) -> str:
    kinds = {MappingNode: "a mapping", SequenceNode: "a list", ScalarNode: "a plain value"}
    return kinds.get(type(node), "something else")


def _shown(node: Node, value: object) -> str:
    if not isinstance(node, ScalarNode):
        return _kind(node)
    return repr(value) if isinstance(value, str) else str(node.value) or "nothing"
