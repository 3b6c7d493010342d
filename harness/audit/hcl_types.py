"""Types of variables: the defaults that they state by ``optional``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.audit.hcl_tree import Node, call_arguments, object_elements, source, trees, unwrap
from harness.audit.hcl_value import Scope, evaluate
from harness.audit.value import Unknown


def with_defaults(value: Any, type_node: Node, scope: Scope) -> Any:
    """Return a variable's value with the defaults that its type states by ``optional``."""
    node = unwrap(type_node)
    if node.data != "function_call" or isinstance(value, Unknown):
        return value
    name, arguments = source(trees(node)[0]), call_arguments(node)
    if not arguments:
        return value
    inner = unwrap(arguments[0])
    if name in ("map", "list", "set"):
        if isinstance(value, Mapping):
            return {key: with_defaults(item, inner, scope) for key, item in value.items()}
        items = value if isinstance(value, list) else None
        return value if items is None else [with_defaults(i, inner, scope) for i in items]
    if name != "object" or inner.data != "object" or not isinstance(value, Mapping):
        return value
    found = dict(value)
    for key_node, described in object_elements(inner):
        key = source(key_node).strip('"')
        term = unwrap(described)
        given = call_arguments(term) if term.data == "function_call" else []
        optional = bool(given) and source(trees(term)[0]) == "optional"
        if optional and found.get(key) is None:
            found[key] = evaluate(given[1], scope) if len(given) > 1 else None
        kind = given[0] if optional else described
        if found.get(key) is not None:
            found[key] = with_defaults(found[key], kind, scope)
    return found
