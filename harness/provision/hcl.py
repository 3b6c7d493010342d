"""Reads the blocks of Terraform files: what stands where, without evaluating anything.

Only what has to be known before Terraform may run is kept: block types, labels, lines, and
attributes whose value is a literal text. Terraform itself judges everything else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(
    r"(?P<comment>#[^\n]*|//[^\n]*|/\*.*?\*/)"
    r"|(?P<heredoc><<-?(?P<mark>\w+)\n.*?\n[ \t]*(?P=mark)(?=\n|$))"
    r"|(?P<word>[A-Za-z_][\w-]*)"
    r"|(?P<newline>\n)"
    r"|(?P<space>[ \t\r]+)"
    r"|(?P<quote>\")"
    r"|(?P<other>.)",
    re.DOTALL,
)
_OPEN, _CLOSE = "([{", ")]}"


class Malformed(Exception):
    """A file is not HCL: ``line`` says where and the message what was expected."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Block:
    """One block: ``resource "aws_vpc" "main" { ... }`` has kind resource and two labels."""

    kind: str
    labels: tuple[str, ...]
    line: int
    texts: Mapping[str, str] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()

    def inside(self, kind: str) -> Iterator[Block]:
        """Yield the nested blocks of a kind, at any depth."""
        for block in self.blocks:
            if block.kind == kind:
                yield block
            yield from block.inside(kind)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    line: int


def parse(text: str) -> tuple[Block, ...]:
    """Return the top-level blocks of a ``.tf`` file. Raises Malformed."""
    tokens = list(_tokens(text))
    reader = _Reader(tokens)
    _, blocks = reader.body(top=True)
    return tuple(blocks)


def parse_json(text: str) -> tuple[Block, ...]:
    """Return the top-level blocks of a ``.tf.json`` file. Raises Malformed."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise Malformed(getattr(error, "lineno", 1), f"expected JSON, got {error}") from error
    if not isinstance(document, dict):
        raise Malformed(1, f"expected an object, got {type(document).__name__}")
    depths = {"resource": 2, "data": 2, "provider": 1, "module": 1, "variable": 1, "output": 1}
    blocks: list[Block] = []
    for kind, value in document.items():
        blocks.extend(_json_blocks(kind, (), value, depths.get(kind, 0)))
    return tuple(blocks)


def _json_blocks(kind: str, labels: tuple[str, ...], value: Any, depth: int) -> Iterator[Block]:
    if depth and isinstance(value, dict):
        for label, inner in value.items():
            yield from _json_blocks(kind, (*labels, label), inner, depth - 1)
        return
    for element in value if isinstance(value, list) else [value]:
        if isinstance(element, dict):
            texts = {name: inner for name, inner in element.items() if isinstance(inner, str)}
            nested: list[Block] = []
            for name, inner in element.items():
                labelled = 1 if name in ("backend", "provisioner") else 0
                nested.extend(_json_blocks(name, (), inner, labelled))
            yield Block(kind, labels, 1, texts, tuple(nested))


def _tokens(text: str) -> Iterator[_Token]:
    at, line = 0, 1
    while at < len(text):
        match = _TOKEN.match(text, at)
        assert match is not None  # the last alternative takes any character
        if match["quote"]:
            end = _string_end(text, at, line)
            yield _Token("string", text[at + 1 : end - 1], line)
        else:
            end = match.end()
            kind = match.lastgroup or "other"
            kind = "heredoc" if match["heredoc"] else kind
            if match[0].startswith("/*") is False and text.startswith("/*", at):
                raise Malformed(line, "expected the end of the comment that starts here")
            if kind not in ("comment", "space"):
                yield _Token(kind, match[0], line)
        line += text.count("\n", at, end)
        at = end
    yield _Token("newline", "\n", line)
    yield _Token("end", "", line)


def _string_end(text: str, start: int, line: int) -> int:
    """Return where a quoted text that starts at ``start`` ends; templates in it may nest."""
    at, depth = start + 1, 0
    while at < len(text):
        if text[at] == "\\" and not depth:
            at += 2
            continue
        if text.startswith(("$${", "%%{"), at) and not depth:
            at += 3
            continue
        if text.startswith(("${", "%{"), at):
            depth += 1
            at += 2
            continue
        if depth:
            if text[at] == "{":
                depth += 1
            elif text[at] == "}":
                depth -= 1
            elif text[at] == '"':
                at = _string_end(text, at, line)
                continue
        elif text[at] == '"':
            return at + 1
        elif text[at] == "\n":
            break
        at += 1
    raise Malformed(line, "expected the end of the text that starts here")


class _Reader:
    """Reads bodies from tokens; knows blocks and attributes and skips expressions."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def body(self, *, top: bool, opened: int = 1) -> tuple[dict[str, str], list[Block]]:
        texts: dict[str, str] = {}
        blocks: list[Block] = []
        while True:
            token = self._next()
            if token.kind == "newline":
                continue
            if token.kind == "end":
                if top:
                    return texts, blocks
                raise Malformed(opened, "expected the closing brace of the block that starts here")
            if token.text == "}" and not top:
                return texts, blocks
            if token.kind not in ("word", "string"):
                raise Malformed(token.line, f"expected a block or an argument, got {token.text!r}")
            self._item(token, texts, blocks)

    def _item(self, first: _Token, texts: dict[str, str], blocks: list[Block]) -> None:
        labels: list[str] = []
        while True:
            token = self._next()
            if token.kind in ("word", "string"):
                labels.append(token.text)
            elif token.text == "=" and not labels:
                taken = self._expression(first.line)
                if len(taken) == 1 and taken[0].kind == "string" and _is_literal(taken[0].text):
                    texts[first.text] = taken[0].text
                elif taken and taken[0].text == "{":
                    blocks.append(Block(first.text, (), first.line, _pairs(taken)))
                return
            elif token.text == "{":
                inner, nested = self.body(top=False, opened=first.line)
                blocks.append(Block(first.text, tuple(labels), first.line, inner, tuple(nested)))
                return
            else:
                shown = "the end of the line" if token.kind == "newline" else repr(token.text)
                raise Malformed(token.line, f"expected '=' or '{{' after {first.text}, got {shown}")

    def _expression(self, line: int) -> list[_Token]:
        """Return the tokens of an expression: up to the end of the line outside brackets."""
        taken: list[_Token] = []
        depth = 0
        while True:
            token = self._tokens[self._at]
            if token.kind == "end" and depth:
                raise Malformed(line, "expected the closing bracket of the value that starts here")
            if depth == 0 and (token.kind in ("newline", "end") or token.text == "}"):
                return taken
            self._at += 1
            if token.kind == "other" and token.text in _OPEN:
                depth += 1
            elif token.kind == "other" and token.text in _CLOSE:
                depth -= 1
                if depth < 0:
                    raise Malformed(token.line, f"unexpected {token.text!r}")
            taken.append(token)

    def _next(self) -> _Token:
        token = self._tokens[self._at]
        if token.kind != "end":
            self._at += 1
        return token


def _is_literal(text: str) -> bool:
    return "${" not in text and "%{" not in text


def _pairs(tokens: list[_Token]) -> dict[str, str]:
    """Return the literal texts of an object such as ``{ source = "hashicorp/aws" }``."""
    found: dict[str, str] = {}
    for name, sign, value in zip(tokens, tokens[1:], tokens[2:], strict=False):
        named = name.kind in ("word", "string") and sign.text in ("=", ":")
        if named and value.kind == "string" and _is_literal(value.text):
            found[name.text] = value.text
    return found
