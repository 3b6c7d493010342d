"""A claim: one promise of the document as data. Nothing else in the code knows a bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from harness.model.fidelity import Fidelity


class Comparison(StrEnum):
    """How a measured value must relate to the bound's value."""

    AT_MOST = "at_most"
    AT_LEAST = "at_least"
    BELOW = "below"
    EQUAL = "equal"


@dataclass(frozen=True)
class Bound:
    """The value that an indicator must keep, with its unit (s, count, ratio, pods...)."""

    comparison: Comparison
    value: float
    unit: str

    def holds(self, measured: float) -> bool:
        """Say whether ``measured`` (in the bound's unit) keeps the bound."""
        match self.comparison:
            case Comparison.AT_MOST:
                return measured <= self.value
            case Comparison.AT_LEAST:
                return measured >= self.value
            case Comparison.BELOW:
                return measured < self.value
            case Comparison.EQUAL:
                return measured == self.value

    def worst(self, values: list[float]) -> float:
        """Return the value that is farthest on the wrong side; ``values`` is not empty."""
        match self.comparison:
            case Comparison.AT_MOST | Comparison.BELOW:
                return max(values)
            case Comparison.AT_LEAST:
                return min(values)
            case Comparison.EQUAL:
                return max(values, key=lambda value: abs(value - self.value))

    def __str__(self) -> str:
        """Return the bound as people read it, such as ``≤ 60 s``."""
        signs = {"at_most": "≤", "at_least": "≥", "below": "<", "equal": "="}
        return f"{signs[self.comparison.value]} {self.value:g} {self.unit}"


@dataclass(frozen=True)
class Documented:
    """The provider's published range for the indicator, in the bound's unit."""

    low: float
    high: float
    unit: str
    source: str


@dataclass(frozen=True)
class Trials:
    """How often the experiment is repeated on each lane."""

    quick: int
    full: int


@dataclass(frozen=True)
class Claim:
    """One promise: where it stands, how it is measured, what refutes it.

    ``indicator`` names a checker (``harness.checkers.CHECKERS``); ``parameters`` are that
    checker's own settings; ``experiment`` and ``sabotage`` are names of documents under
    ``experiments/`` and ``experiments/sabotage/`` without ending.
    """

    id: str
    sentence: str
    place: str
    indicator: str
    bound: Bound
    fidelity: Fidelity
    experiment: str
    sabotage: str
    trials: Trials
    documented: Documented | None = None
    note: str = ""
    parameters: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
