"""The names that HCL expressions use, with the lines they stand on."""

from __future__ import annotations

from harness.audit.hcl_tree import Node, call_arguments, source, trees, unwrap
from harness.audit.hcl_value import CHAINED


def names_used(node: Node) -> list[tuple[tuple[str, ...], int]]:
    """Return each dotted name that an expression uses, with its line, loops' own names left out."""
    found: list[tuple[tuple[str, ...], int]] = []
    _collect(node, frozenset(), found)
    return found


def _collect(node: Node, bound: frozenset[str], found: list[tuple[tuple[str, ...], int]]) -> None:
    if node.data in ("for_tuple_expr", "for_object_expr"):
        intro = trees(node)[0]
        *names, over = trees(intro)
        _collect(over, bound, found)
        inner = bound | {source(name) for name in names}
        for part in trees(node)[1:]:
            _collect(part, inner, found)
        return
    if node.data in CHAINED:
        words: list[str] = []
        while node.data in CHAINED:
            base, access = trees(node)
            if access.data == "get_attr":
                words.insert(0, source(trees(access)[0]))
            else:
                words.clear()
                _collect(access, bound, found)
            node = unwrap(base)
        if node.data == "identifier":
            name = source(node)
            if name not in bound:
                found.append(((name, *words), int(node.meta.line)))
            return
        _collect(node, bound, found)
        return
    children = trees(node)
    if node.data == "function_call":
        children = call_arguments(node)
    elif node.data == "object_elem":
        key = unwrap(trees(trees(node)[0])[0])
        if source(key) == "configuration_aliases":
            return
        children = children[1:] if key.data in ("identifier", "keyword") else children
    for child in children:
        _collect(child, bound, found)
