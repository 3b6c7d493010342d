"""The parts that a timeline consists of; times are seconds relative to the fault's effect."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """The time axis. ``zero`` is on the history's clock; the others are relative to it.

    ``width`` is the length of one bucket in seconds, ``buckets`` their number.
    """

    zero: float
    start: float
    end: float
    width: float
    buckets: int

    def bucket(self, at: float) -> int:
        """Return the bucket of a moment on the history's clock."""
        index = int((at - self.zero - self.start) / self.width)
        return min(max(index, 0), self.buckets - 1)


@dataclass(frozen=True)
class Span:
    """A state from ``start`` to ``end``; ``kind`` decides how it is drawn."""

    start: float
    end: float
    kind: str
    label: str = ""


@dataclass(frozen=True)
class Mark:
    """Something that happened at one moment."""

    at: float
    label: str


@dataclass(frozen=True)
class BarRow:
    """One row of states. ``thin`` rows are drawn low, for many pods at once."""

    name: str
    spans: tuple[Span, ...]
    marks: tuple[Mark, ...] = ()
    thin: bool = False


@dataclass(frozen=True)
class CountRow:
    """How often something happened in each bucket of the window."""

    name: str
    kind: str
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Series:
    """A step line; a value of None means that the value was unknown from there on."""

    name: str
    points: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True)
class StepRow:
    """Up to two step lines on one scale that begins at zero."""

    name: str
    unit: str
    series: tuple[Series, ...]


Row = BarRow | CountRow | StepRow


@dataclass(frozen=True)
class Lane:
    """Rows that belong together under one title."""

    title: str
    rows: tuple[Row, ...]
    note: str = ""


def moment(seconds: float, decimals: int = 2) -> str:
    """Return a signed time such as ``+0.40 s``, without a negative zero."""
    text = f"{seconds:+.{decimals}f}"
    return f"{text.replace('-', '+') if float(text) == 0 else text} s"
