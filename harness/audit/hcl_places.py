"""Where the fields of a block stand, and the comments behind them."""

from __future__ import annotations

from harness.audit.hcl_tree import Block, line_within
from harness.audit.resource import Path


def remark_in(block: Block, path: Path) -> str:
    """Return the comment behind a field of a block."""
    if not path:
        return ""
    head, *rest = path
    if head in block.attributes:
        return block.attributes[str(head)].comment if not rest else ""
    inner = block.named(str(head))
    index = rest[0] if rest and isinstance(rest[0], int) else 0
    return remark_in(inner[index], tuple(rest[1:])) if index < len(inner) else ""


def line_in(block: Block, path: Path) -> int | None:
    """Return the line of a field inside a block; None where it is not there."""
    if not path:
        return block.place.line
    head, *rest = path
    if head in block.attributes:
        attribute = block.attributes[str(head)]
        return line_within(attribute.expression, rest) if rest else attribute.place.line
    inner = [
        b for b in block.blocks if b.type == head or (b.type, b.labels) == ("dynamic", (head,))
    ]
    index = rest[0] if rest and isinstance(rest[0], int) else 0
    if index >= len(inner):
        return inner[-1].place.line if inner else None
    return line_in(inner[index], tuple(rest[1:]))
