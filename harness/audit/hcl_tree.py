"""HCL text -> blocks and expressions with lines, on python-hcl2's parse tree."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import hcl2
from lark import Token, Tree
from lark.exceptions import LarkError, UnexpectedInput

from harness.audit.resource import Place

Node = Tree[Token]
logging.getLogger("lark").setLevel(logging.ERROR)
_LAYOUT = frozenset({"new_line_or_comment"})
_WORD_END, _WORD_START = re.compile(r"\w$"), re.compile(r"\w")
BYTES_MAX = 4 * 1024 * 1024


@dataclass(frozen=True)
class Attribute:
    """``name = expression``."""

    name: str
    expression: Node
    place: Place
    comment: str = ""


@dataclass(frozen=True)
class Block:
    """``type "label" { ... }`` with its attributes by name and its inner blocks in order."""

    type: str
    labels: tuple[str, ...]
    attributes: dict[str, Attribute]
    blocks: tuple[Block, ...]
    place: Place

    def named(self, type: str) -> list[Block]:
        """Return the inner blocks of one type."""
        return [block for block in self.blocks if block.type == type]


def read_blocks(path: Path, shown: str, problems: list[str]) -> list[Block]:
    """Return the top-level blocks of one file; a problem adds one sentence and yields nothing."""
    return _read(path, shown, problems)[1]


def read_attributes(path: Path, shown: str, problems: list[str]) -> dict[str, Attribute]:
    """Return the top-level attributes of one file (a .tfvars file), else as ``read_blocks``."""
    return _read(path, shown, problems)[0]


def _read(path: Path, shown: str, problems: list[str]) -> tuple[dict[str, Attribute], list[Block]]:
    nothing: tuple[dict[str, Attribute], list[Block]] = ({}, [])
    try:
        size = path.stat().st_size
        if size > BYTES_MAX:
            problems.append(f"{shown}:1: expected at most {BYTES_MAX} bytes of HCL, got {size}")
            return nothing
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        problems.append(f"{shown}:1: expected a readable file, got {error.strerror}")
        return nothing
    except UnicodeDecodeError as error:
        problems.append(f"{shown}:1: expected UTF-8 text, got byte {error.start} that is not")
        return nothing
    try:
        tree = hcl2.parses_to_tree(text)
    except UnexpectedInput as error:
        line, what = _unexpected(error, text)
        problems.append(f"{shown}:{line}: expected valid HCL, got {what}")
        return nothing
    except (LarkError, RecursionError) as error:
        problems.append(f"{shown}:1: expected valid HCL, got {type(error).__name__}")
        return nothing
    body = next(child for child in tree.children if isinstance(child, Tree))
    return _body(body, shown, problems)


def trees(node: Node) -> list[Node]:
    """Return the inner trees of a node without line ends and comments."""
    return [c for c in node.children if isinstance(c, Tree) and c.data not in _LAYOUT]


def source(node: Node) -> str:
    """Return an expression on one line, as it was written."""
    text = ""
    for token in _tokens(node):
        word = str(token)
        # Two words side by side (`for record`) keep the space that the parser left out.
        text += f" {word}" if _WORD_END.search(text) and _WORD_START.match(word) else word
    return " ".join(text.split())


def line_of(node: Node) -> int:
    """Return the line at which a node begins."""
    return int(getattr(node.meta, "line", 1) or 1)


def object_elements(node: Node) -> list[tuple[Node, Node]]:
    """Return the keys and values of an object expression."""
    pairs = []
    for element in trees(node):
        if element.data == "object_elem":
            key, value = trees(element)
            pairs.append((key, value))
    return pairs


def unwrap(node: Node) -> Node:
    """Return an expression without the terms and parentheses around it."""
    while node.data == "expr_term":
        inner = trees(node)
        if len(inner) != 1:
            return node
        node = inner[0]
    return node


def line_within(node: Node, path: Sequence[str | int]) -> int | None:
    """Return the line of a value inside an expression, following plain keys and indexes."""
    node = unwrap(node)
    if not path:
        return line_of(node)
    if node.data == "object":
        for key, value in object_elements(node):
            if source(key).strip('"') == path[0]:
                return line_of(key) if len(path) == 1 else line_within(value, path[1:])
    if node.data == "tuple" and isinstance(path[0], int) and path[0] < len(trees(node)):
        return line_within(trees(node)[path[0]], path[1:])
    if node.data == "function_call" and len(arguments := call_arguments(node)) == 1:
        return line_within(arguments[0], path)
    return None


def call_arguments(node: Node) -> list[Node]:
    """Return the arguments of a function call."""
    for child in trees(node):
        if child.data == "arguments":
            return trees(child)
    return []


def _body(node: Node, shown: str, problems: list[str]) -> tuple[dict[str, Attribute], list[Block]]:
    attributes: dict[str, Attribute] = {}
    blocks: list[Block] = []
    inner = [child for child in node.children if isinstance(child, Tree)]
    for child, after in zip(inner, [*inner[1:], None], strict=False):
        place = Place(shown, line_of(child))
        if child.data == "attribute":
            name, expression = source(trees(child)[0]), trees(child)[-1]
            if name in attributes:
                first = attributes[name].place.line
                problems.append(f"{place}: expected {name} once, got it again (line {first} too)")
            attributes[name] = Attribute(name, expression, place, _comment(after))
        elif child.data == "block":
            blocks.append(_block(child, place, shown, problems))
    return attributes, blocks


def _comment(after: Node | None) -> str:
    """Return the comment on the same line as the attribute before it."""
    if after is None or after.data not in _LAYOUT or not after.children:
        return ""
    first = str(after.children[0])
    return first.strip() if first.startswith(("#", "//", "/*")) else ""


def _block(node: Node, place: Place, shown: str, problems: list[str]) -> Block:
    *names, body = trees(node)
    words = [source(name).strip('"') for name in names]
    attributes, blocks = _body(body, shown, problems)
    return Block(words[0], tuple(words[1:]), attributes, tuple(blocks), place)


def _tokens(node: Node) -> Iterator[Token]:
    for child in node.children:
        if isinstance(child, Tree):
            if child.data in _LAYOUT:
                yield Token("NL", " ")
            else:
                yield from _tokens(child)
        elif child is not None:
            yield child


def _unexpected(error: UnexpectedInput, text: str) -> tuple[int, str]:
    line = error.line if error.line and error.line > 0 else text.count("\n") + 1
    token = getattr(error, "token", None)
    if token is not None and token.type == "$END":
        return text.count("\n") + 1, "the end of the file inside a block or string"
    shown = (
        str(token).strip().splitlines()[0][:60] if token is not None and str(token).strip() else ""
    )
    return line, f"{shown!r}" if shown else "a character that cannot stand there"
