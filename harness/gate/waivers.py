"""Waivers: claims that may stay unsupported until a day, with a person who answers for it.

``gate/waivers.yaml`` holds them under ``waivers``; a file without any is valid.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import yaml
from yaml.nodes import Node, ScalarNode

from harness.documents.reader import Reader

WAIVERS_FILE = Path("gate") / "waivers.yaml"
FIELDS = ("claim", "reason", "owner", "expires", "compensating_measure")

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Waiver:
    """Leave to apply although ``claim`` is not supported; ``expires`` is the last day (UTC).

    ``place`` is file and line, for messages; it is no part of what a waiver says.
    """

    claim: str
    reason: str
    owner: str
    expires: date
    compensating_measure: str
    place: str = field(default="", compare=False)

    def counts_on(self, day: date) -> bool:
        """Say whether the waiver still counts on ``day`` (its last day included)."""
        return day <= self.expires


def read(path: Path, problems: list[str]) -> tuple[Waiver, ...]:
    """Return the well-formed waivers of a file; each problem of the others goes to ``problems``.

    A missing file is a problem, because a gate that looks in the wrong place must not be open.
    """
    reader = Reader(path, problems)
    if _says_nothing(path):
        return ()
    root = reader.mapping(reader.root(), "", ("waivers",), ())
    if root is None or "waivers" not in root or _is_null(root["waivers"]):
        return ()
    found: dict[str, Waiver] = {}
    for index, node in enumerate(reader.sequence(root["waivers"], "waivers")):
        at = f"waivers[{index}]"
        waiver = _waiver(reader, node, at)
        if waiver is None:
            continue
        if waiver.claim in found:
            expected = f"one waiver for each claim, as {found[waiver.claim].place}"
            reader.problem(node, f"{at}.claim", expected, waiver.claim)
        found.setdefault(waiver.claim, waiver)
    return tuple(found.values())


def misused(
    waivers: Sequence[Waiver],
    *,
    known: Collection[str],
    unsupported: Collection[str],
    today: date,
) -> list[str]:
    """Return a sentence for each waiver that is expired, unused or of an unknown claim.

    ``known`` are the ids of all claims, ``unsupported`` those that a run did not support.
    """
    problems = []
    for waiver in waivers:
        if waiver.claim not in known:
            problems.append(
                f"{waiver.place}: claim {waiver.claim!r}: expected an id of "
                "experiments/claims.yaml, got one that is not there. Next step: correct the id, "
                "or remove the waiver"
            )
        elif waiver.claim not in unsupported:
            problems.append(
                f"{waiver.place}: claim {waiver.claim!r}: expected a claim that this run did not "
                "support, got a supported one: the waiver is not used. Next step: remove it"
            )
        if not waiver.counts_on(today):
            problems.append(
                f"{waiver.place}: claim {waiver.claim!r}: expected a last day of {today} or "
                f"later, got {waiver.expires}: the waiver has expired. Next step: mend the claim, "
                f"or let {waiver.owner} decide anew"
            )
    return problems


def _waiver(reader: Reader, node: Node, at: str) -> Waiver | None:
    before = len(reader.problems)
    nodes = reader.mapping(node, at, FIELDS, ())
    if nodes is None:
        return None
    texts = {
        name: reader.text(nodes[name], f"{at}.{name}")
        for name in FIELDS
        if name != "expires" and name in nodes
    }
    expires = _day(reader, nodes["expires"], f"{at}.expires") if "expires" in nodes else None
    if len(reader.problems) > before or expires is None:
        return None
    place = f"{reader.path}:{node.start_mark.line + 1}"
    return Waiver(expires=expires, place=place, **texts)


def _day(reader: Reader, node: Node, at: str) -> date | None:
    text = node.value if isinstance(node, ScalarNode) else None
    if text is not None and _DAY.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    reader.problem(node, at, "a day such as 2026-12-31", text if text is not None else node.tag)
    return None


def _says_nothing(path: Path) -> bool:
    # Only comments; what cannot be read is left to the reader, which says why.
    try:
        return yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader) is None
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag == "tag:yaml.org,2002:null"
