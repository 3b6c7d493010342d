"""The three verdicts and how they merge."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """What can be said of a claim."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"


_PRIORITY = (Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.SUPPORTED)


def merge(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst verdict: refuted, then inconclusive, then supported.

    No verdict at all is inconclusive, because no data is never a pass.
    """
    seen = set(verdicts)
    for verdict in _PRIORITY:
        if verdict in seen:
            return verdict
    return Verdict.INCONCLUSIVE
