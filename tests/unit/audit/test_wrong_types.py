"""No rule raises on values of the wrong type: they are refused, or not decided."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.audit import manifests
from harness.audit.inventory import Inventory
from harness.audit.rules import RULES
from harness.audit.sources import Sources, load
from harness.documents.lined import read_text
from tests.unit.audit.inputs import TODAY

DOCUMENT = Path(__file__).resolve().parents[3] / "fixtures" / "document"
CHANGES = 25
_WRONG: tuple[Any, ...] = ("text", 7, None, [], {}, ["a"], {"a": 1}, True, [None], [["x"]], 1.5)


@pytest.fixture(scope="module")
def document() -> Inventory:
    found = load(
        Sources(
            (DOCUMENT / "infrastructure" / "production",),
            (DOCUMENT / "kubernetes" / "production",),
            (DOCUMENT / "kubernetes" / "monitoring",),
            (DOCUMENT / "scripts",),
        ),
        None,
    )
    return replace(found, today=TODAY)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else ()
    for key, inner in list(enumerate(value)) if isinstance(value, list) else items:
        yield from _paths(inner, (*path, key))


def _changed(value: dict[str, Any], random_source: random.Random) -> dict[str, Any]:
    """Return a value with one field, somewhere in it, of another type."""
    found = copy.deepcopy(value)
    *before, last = random_source.choice(list(_paths(found))[1:] or [("added",)])
    inner = found
    for step in before:
        inner = inner[step]
    inner[last] = copy.deepcopy(random_source.choice(_WRONG))
    return found


def _spoiled(found: Inventory, what: str, random_source: random.Random) -> Inventory | None:
    items = list(getattr(found, what))
    index = random_source.randrange(len(items))
    values = _changed(dict(items[index].values), random_source)
    if what != "objects":
        items[index] = replace(items[index], values=values)
        return replace(found, **{what: tuple(items)})
    problems: list[str] = []
    documents = read_text(yaml.safe_dump(values), "spoiled.yaml", problems)
    objects = manifests.objects_of(documents, problems)
    # Refused as an input is as good as judged.
    return (
        None
        if problems or not objects
        else replace(found, objects=(*items[:index], objects[0], *items[index + 1 :]))
    )


@pytest.mark.parametrize("what", ["objects", "resources", "releases", "alertmanagers", "jobs"])
@pytest.mark.parametrize("seed", range(4))
def test_no_rule_raises(document: Inventory, what: str, seed: int) -> None:
    """A field of another type, anywhere in the input, raises in no rule."""
    random_source = random.Random(f"{what} {seed}")
    for _ in range(CHANGES):
        spoiled = _spoiled(document, what, random_source)
        for rule in RULES if spoiled else ():
            assert spoiled is not None
            list(rule.judge(spoiled))
