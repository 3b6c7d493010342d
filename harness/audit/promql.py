"""PromQL expressions: which series they select, and how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import promql_parser
from promql_parser import AggregateExpr, BinaryExpr, VectorSelector


@dataclass(frozen=True)
class Selection:
    """One selector: the name, its equality matchers, and whether an aggregation is around it."""

    name: str
    matchers: tuple[tuple[str, str, str], ...]
    aggregated: bool
    compared: bool = False
    labels: frozenset[str] = field(default_factory=frozenset)


def selections(expression: str) -> list[Selection]:
    """Return the selectors of an expression.

    Raises ValueError with the parser's message where it is no PromQL.
    """
    return list(_walk(promql_parser.parse(expression), False))


def _walk(node: Any, aggregated: bool) -> Iterator[Selection]:
    if isinstance(node, VectorSelector):
        yield _selection(node, aggregated)
        return
    if isinstance(node, AggregateExpr):
        yield from _walk(node.expr, True)
        return
    if isinstance(node, BinaryExpr):
        yield from _walk(node.lhs, aggregated)
        yield from _walk(node.rhs, aggregated)
        return
    for name in ("expr", "vector_selector", "vs"):
        inner = getattr(node, name, None)
        if inner is not None:
            yield from _walk(inner, aggregated)
            return
    for inner in getattr(node, "args", None) or ():
        yield from _walk(inner, aggregated)


def _selection(node: VectorSelector, aggregated: bool) -> Selection:
    found = [(str(m.name), _operator(m.op), str(m.value)) for m in node.matchers.matchers]
    name = node.name or next((v for n, op, v in found if n == "__name__" and op == "="), "")
    matchers = tuple(item for item in found if item[0] != "__name__")
    return Selection(str(name or ""), matchers, aggregated)


def _operator(op: Any) -> str:
    text = str(op).rsplit(".", maxsplit=1)[-1]
    return {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}.get(text, text)
