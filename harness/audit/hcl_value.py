"""Evaluates HCL expressions as far as a folder states them; the rest is Unknown."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from lark import Token

from harness.audit.hcl_functions import FUNCTIONS
from harness.audit.hcl_tree import Node, call_arguments, object_elements, source, trees, unwrap
from harness.audit.value import Unknown, dig, is_known, references

# Deeper nesting is no configuration a person wrote.
DEPTH_MAX = 200


class Names(Protocol):
    """What the names of one module mean."""

    def look_up(self, words: tuple[str | int, ...], text: str) -> Any:
        """Return what a dotted name stands for; ``words`` begin with var, local, module..."""
        ...


@dataclass(frozen=True)
class Scope:
    """The names of a module, and those of the loop or instance around an expression."""

    names: Names
    variables: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    depth: int = 0

    def with_variables(self, more: Mapping[str, Any]) -> Scope:
        """Return the scope inside a loop or an instance."""
        return Scope(self.names, {**self.variables, **more}, self.depth)

    def deeper(self) -> Scope:
        """Return the scope one level further in."""
        return Scope(self.names, self.variables, self.depth + 1)


_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        "==": operator.eq,
        "!=": operator.ne,
        "<": operator.lt,
        ">": operator.gt,
        "<=": operator.le,
        ">=": operator.ge,
        "+": operator.add,
        "-": operator.sub,
        "*": operator.mul,
        "/": operator.truediv,
        "%": operator.mod,
    }
)
_LITERALS: Mapping[str, Any] = MappingProxyType({"true": True, "false": False, "null": None})


def evaluate(node: Node, scope: Scope) -> Any:
    """Return an expression's value: plain data with Unknown where it is not stated."""
    node = unwrap(node)
    if scope.depth > DEPTH_MAX:
        return Unknown(source(node))
    handler = _HANDLERS.get(str(node.data))
    if handler is None:
        return Unknown(source(node))
    return handler(node, scope.deeper())


def _unknown(node: Node, *parts: Any) -> Unknown:
    found = frozenset(name for part in parts for name in references(part))
    return Unknown(source(node), found)


def _literal(node: Node, scope: Scope) -> Any:
    return _LITERALS[source(node)]


def _number(node: Node, scope: Scope) -> Any:
    value = float(source(node).replace(" ", ""))
    return int(value) if value.is_integer() and node.data == "int_lit" else value


def _identifier(node: Node, scope: Scope) -> Any:
    name = source(node)
    return scope.variables[name] if name in scope.variables else Unknown(name)


def _string(node: Node, scope: Scope) -> Any:
    parts: list[Any] = []
    for part in trees(node):
        for child in part.children:
            if isinstance(child, Token):
                parts.append(_unescaped(str(child)))
            elif child.data == "interpolation":
                parts.append(evaluate(trees(child)[0], scope))
            else:
                parts.append(Unknown(source(child)))
    if len(parts) == 1 and not isinstance(parts[0], str):
        return parts[0]
    if not all(map(is_known, parts)):
        return _unknown(node, *parts)
    return "".join(_shown(part) for part in parts)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _unescaped(text: str) -> str:
    text = text.replace("$${", "${").replace("%%{", "%{")
    for written, meant in (("\\n", "\n"), ("\\t", "\t"), ('\\"', '"'), ("\\\\", "\\")):
        text = text.replace(written, meant)
    return text


def _heredoc(node: Node, scope: Scope) -> Any:
    text = "".join(str(token) for token in node.children)
    body = "\n".join(text.split("\n")[1:-2]) + "\n"
    return Unknown(source(node)) if "${" in body or "%{" in body else body


def _tuple(node: Node, scope: Scope) -> Any:
    return [evaluate(item, scope) for item in trees(node)]


def _object(node: Node, scope: Scope) -> Any:
    found: dict[str, Any] = {}
    for key, value in object_elements(node):
        inner = unwrap(trees(key)[0])
        bare = inner.data in ("identifier", "keyword") and "(" not in source(key)
        name = source(inner) if bare else evaluate(inner, scope)
        if not is_known(name):
            return _unknown(node, name)
        found[_shown(name)] = evaluate(value, scope)
    return found


def _call(node: Node, scope: Scope) -> Any:
    name = source(trees(node)[0])
    given = [evaluate(argument, scope) for argument in call_arguments(node)]
    if name in ("try", "can"):
        known = next((value for value in given if not isinstance(value, Unknown)), None)
        return _unknown(node, *given) if known is None or name == "can" else known
    function = FUNCTIONS.get(name)
    # A list with unknown parts has a known length, order and place in another list.
    tolerant = name in ("merge", "concat", "tolist", "tomap", "one", "element", "lookup", "length")
    usable = not any(isinstance(v, Unknown) for v in given) if tolerant else is_known(given)
    if function is None or not usable:
        unknown = _unknown(node, *given)
        if name == "jsonencode" and not isinstance(given[0], Unknown):
            # What is known of the document can still be searched, such as a policy's conditions.
            return Unknown(json.dumps(given[0], default=str), unknown.references)
        return unknown
    spread = any(isinstance(token, Token) and str(token) == "..." for token in _tokens(node))
    try:
        return function(*given[:-1], *given[-1]) if spread else function(*given)
    except Exception:  # the function's own complaint about its arguments belongs to Terraform
        return _unknown(node, *given)


def _tokens(node: Node) -> list[Any]:
    return [token for child in trees(node) if child.data == "arguments" for token in child.children]


def _conditional(node: Node, scope: Scope) -> Any:
    test, yes, no = trees(node)
    decided = evaluate(test, scope)
    if isinstance(decided, bool):
        return evaluate(yes if decided else no, scope)
    return _unknown(node, decided, evaluate(yes, scope), evaluate(no, scope))


def _binary(node: Node, scope: Scope) -> Any:
    left_node, term = trees(node)[:2]
    sign_node, right_node = trees(term)
    sign = source(sign_node).strip()
    left = evaluate(left_node, scope)
    right = evaluate(right_node, scope)
    if sign in ("&&", "||"):
        decisive = sign == "||"
        if left is decisive or right is decisive:
            return decisive
        known = isinstance(left, bool) and isinstance(right, bool)
        return (not decisive) if known else _unknown(node, left, right)
    if not is_known(left) or not is_known(right):
        return _unknown(node, left, right)
    try:
        return _OPERATORS[sign](left, right)
    except (TypeError, ZeroDivisionError, KeyError):
        return _unknown(node)


def _unary(node: Node, scope: Scope) -> Any:
    value = evaluate(trees(node)[0], scope)
    negative = str(node.children[0]).strip() == "-"
    if isinstance(value, bool) and not negative:
        return not value
    if isinstance(value, int | float) and negative:
        return -value
    return _unknown(node, value)


def _loop(node: Node, scope: Scope) -> Any:
    intro, *rest = trees(node)
    *names, over_node = trees(intro)
    over = evaluate(over_node, scope)
    if isinstance(over, Unknown):
        return _unknown(node, over, *_loop_references(rest, names, scope))
    words = [source(name) for name in names]
    keyed = over.items() if isinstance(over, Mapping) else enumerate(over or ())
    results: list[tuple[Any, Any]] = []
    for key, value in keyed:
        single = {words[-1]: value}
        inner = scope.with_variables({words[0]: key, **single} if len(words) > 1 else single)
        condition = next((c for c in rest if c.data == "for_cond"), None)
        if condition is not None:
            kept = evaluate(trees(condition)[-1], inner)
            if not isinstance(kept, bool):
                return _unknown(node, kept)
            if not kept:
                continue
        parts = [evaluate(part, inner) for part in rest if part.data != "for_cond"]
        results.append((parts[0], parts[-1]))
    if node.data == "for_tuple_expr":
        return [value for _, value in results]
    if not all(is_known(key) for key, _ in results):
        return _unknown(node, *(key for key, _ in results))
    grouped = any(isinstance(c, Token) and str(c) == "..." for c in node.children)
    found: dict[str, Any] = {}
    for key, value in results:
        if grouped:
            found.setdefault(_shown(key), []).append(value)
        else:
            found[_shown(key)] = value
    return found


def _loop_references(rest: list[Node], names: list[Node], scope: Scope) -> list[Any]:
    inner = scope.with_variables({source(name): Unknown(source(name)) for name in names})
    return [evaluate(part, inner) for part in rest if part.data != "for_cond"]


def _access(node: Node, scope: Scope) -> Any:
    """Follow a chain of names, indexes and splats from its first word."""
    base, steps = _chain(node, scope)
    if base.data != "identifier":
        value = evaluate(base, scope)
    else:
        name = source(base)
        if name in scope.variables:
            value = scope.variables[name]
        else:
            words: list[str | int] = [name]
            while steps and isinstance(steps[0], str | int) and steps[0] != "*":
                words.append(steps.pop(0))
            value = scope.names.look_up(tuple(words), source(node))
    for index, step in enumerate(steps):
        if step == "*":
            rest = steps[index + 1 :]
            if isinstance(value, Unknown):
                return _unknown(node, value)
            items = value if isinstance(value, list) else [value]
            return [_follow(item, rest, node) for item in items]
        value = _follow(value, [step], node)
    return value


def _follow(value: Any, steps: list[Any], node: Node) -> Any:
    for step in steps:
        if isinstance(value, Unknown) or isinstance(step, Unknown):
            return _unknown(node, value, step)
        found = dig(value, int(step) if isinstance(value, list) and _whole(step) else step)
        if found is None and not (isinstance(value, Mapping) and step in value):
            return _unknown(node, value)
        value = found
    return value


def _whole(step: Any) -> bool:
    return isinstance(step, int | float) or (isinstance(step, str) and step.isdigit())


def _chain(node: Node, scope: Scope) -> tuple[Node, list[Any]]:
    steps: list[Any] = []
    node = unwrap(node)
    while node.data in CHAINED:
        inner, access = trees(node)
        steps[:0] = _steps(access, scope)
        node = unwrap(inner)
    return node, steps


def _steps(access: Node, scope: Scope) -> list[Any]:
    if access.data == "get_attr":
        return [source(trees(access)[0])]
    if access.data == "short_index":
        return [int(str(access.children[-1]))]
    if access.data == "braces_index":
        value = evaluate(trees(access)[0], scope)
        return [int(value) if isinstance(value, float) else value]
    found: list[Any] = ["*"]
    for inner in trees(access):
        found += _steps(inner, scope)
    return found


CHAINED = frozenset(
    {"get_attr_expr_term", "index_expr_term", "attr_splat_expr_term", "full_splat_expr_term"}
)
_HANDLERS: Mapping[str, Callable[[Node, Scope], Any]] = MappingProxyType(
    {
        "literal_value": _literal,
        "int_lit": _number,
        "float_lit": _number,
        "identifier": _identifier,
        "string": _string,
        "heredoc_template": _heredoc,
        "heredoc_template_trim": _heredoc,
        "tuple": _tuple,
        "object": _object,
        "function_call": _call,
        "conditional": _conditional,
        "binary_op": _binary,
        "unary_op": _unary,
        "for_tuple_expr": _loop,
        "for_object_expr": _loop,
        **dict.fromkeys(CHAINED, _access),
    }
)
