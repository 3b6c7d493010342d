"""Timeline model -> one inline SVG. Colours and fonts are classes of the page's style sheet.

Two sizes are drawn from the same model: WIDE with row names at the left, and NARROW for phones
with row names above the rows, because an SVG that is only scaled down cannot be read there.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from harness.report.lanes_model import BarRow, CountRow, Lane, Mark, Row, Span, StepRow, moment
from harness.report.timeline import Timeline, nice_step


@dataclass(frozen=True)
class Size:
    """Geometry of a picture in CSS pixels. ``stacked``: names stand above their rows."""

    name: str
    width: int
    left: int
    right: int
    font: int
    stacked: bool
    columns: int
    ticks: int


WIDE = Size("wide", 1120, 192, 16, 12, stacked=False, columns=600, ticks=10)
NARROW = Size("narrow", 328, 4, 4, 11, stacked=True, columns=150, ticks=4)

_ROW_HEIGHTS = {"count": 16, "bar": 18, "thin": 8, "step": 56}
_ROW_GAP = 3
_LANE_GAP = 12
_TITLE_HEIGHT = 17
_CHARACTER_WIDTH = 0.58
"""Average width of a character as a share of the font size, to know what fits in a bar."""

_MARKS_TOGETHER = 40
"""Marks nearer than this many pixels share one label."""


@dataclass(frozen=True)
class Shade:
    """A measured interval to be shaded, in seconds relative to the fault's effect.

    ``short`` is used where ``label`` does not fit.
    """

    start: float
    end: float
    label: str
    short: str


def draw(
    timeline: Timeline, shades: Sequence[Shade], *, size: Size, identity: str, title: str
) -> str:
    """Return the SVG element as text.

    ``identity`` is unique in the page (for title and desc). All texts are escaped.
    """
    return ET.tostring(_Canvas(timeline, size).picture(shades, identity, title), encoding="unicode")


class _Canvas:
    """Builds one picture from top to bottom; ``y`` is where the next row begins."""

    def __init__(self, timeline: Timeline, size: Size) -> None:
        self.timeline, self.size = timeline, size
        self.y = 0.0
        self.rows = ET.Element("g")
        self.scale = (size.width - size.left - size.right) / (timeline.end - timeline.start)

    def x(self, at: float) -> float:
        """Return the horizontal place of a moment, held inside the plot."""
        held = min(max(at, self.timeline.start), self.timeline.end)
        return round(self.size.left + (held - self.timeline.start) * self.scale, 2)

    def picture(self, shades: Sequence[Shade], identity: str, title: str) -> ET.Element:
        """Draw everything and return the svg element."""
        top = 20.0 + (self.size.font + 3) * len(shades)
        self.y = top
        for lane in self.timeline.lanes:
            self._lane(lane)
        bottom = self.y
        height = bottom + 38
        svg = ET.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "class": f"timeline {self.size.name}",
                "viewBox": f"0 0 {self.size.width} {height:g}",
                "width": str(self.size.width),
                "height": f"{height:g}",
                "role": "img",
                "aria-labelledby": f"{identity}-title {identity}-desc",
                "font-size": str(self.size.font),
            },
        )
        ET.SubElement(svg, "title", {"id": f"{identity}-title"}).text = title
        ET.SubElement(svg, "desc", {"id": f"{identity}-desc"}).text = self._description(shades)
        self._shades(svg, shades, bottom)
        self._axis(svg, top - 4, bottom)
        self._zero(svg, bottom)
        svg.append(self.rows)
        return svg

    def _description(self, shades: Sequence[Shade]) -> str:
        parts = [f"{name}: {text}" for name, text in self.timeline.numbers]
        parts.extend(f"measured: {s.label}, {s.start:.2f} s to {s.end:.2f} s" for s in shades)
        return ". ".join(parts) + "."

    def _text(self, parent: ET.Element, x: float, y: float, text: str, kind: str) -> None:
        ET.SubElement(parent, "text", {"x": f"{x:g}", "y": f"{y:g}", "class": kind}).text = text

    def _width(self, text: str) -> float:
        return len(text) * self.size.font * _CHARACTER_WIDTH

    def _fit(self, text: str, width: float) -> str:
        """Return ``text``, cut to what fits in ``width``; empty when nothing useful does."""
        room = int(width / (self.size.font * _CHARACTER_WIDTH))
        if len(text) <= room:
            return text
        return text[: room - 1] + "…" if room >= 6 else ""

    def _fit_label(self, text: str, width: float) -> str:
        """Return a bar's label whole, else its first part, else cut."""
        first = text.split(",", maxsplit=1)[0]
        return text if self._width(text) <= width else self._fit(first, width)

    def _shades(self, svg: ET.Element, shades: Sequence[Shade], bottom: float) -> None:
        for number, shade in enumerate(shades):
            left, right = self.x(shade.start), self.x(shade.end)
            y = 8.0 + (self.size.font + 3) * number
            attributes = {
                "x": f"{left:g}",
                "y": f"{y:g}",
                "width": f"{max(right - left, 1.5):g}",
                "height": f"{bottom - y:g}",
                "class": "shade",
            }
            ET.SubElement(ET.SubElement(svg, "rect", attributes), "title").text = shade.label
            brace = f"M{left:g} {y + 7:g}v-6H{max(right, left + 1.5):g}v6"
            ET.SubElement(svg, "path", {"d": brace, "class": "brace"})
            room = {"": self.size.width - right - 6, " end": left - 8}
            anchor = max(room, key=lambda side: room[side])
            if self._width(shade.label) <= room[""]:
                anchor = ""
            fits = self._width(shade.label) <= room[anchor]
            text = shade.label if fits else self._fit(shade.short, room[anchor])
            x = left - 5 if anchor else right + 5
            self._text(svg, x, y + 9, text, "measured" + anchor)

    def _axis(self, svg: ET.Element, top: float, bottom: float) -> None:
        step = nice_step((self.timeline.end - self.timeline.start) / self.size.ticks)
        first = int(self.timeline.start // step)
        path = []
        for number in itertools.count(first):
            at = number * step
            if at > self.timeline.end:
                break
            if at < self.timeline.start:
                continue
            x = self.x(at)
            path.append(f"M{x:g} {top:g}V{bottom + 4:g}")
            edge = " end" if x > self.size.width - 24 else "" if x > 20 else " begin"
            self._text(svg, x, bottom + 16, f"{at:g}", f"tick{edge}")
        ET.SubElement(svg, "path", {"d": "".join(path), "class": "grid"})
        what = "the fault took effect" if self.timeline.fault_known else "the first record"
        middle = self.size.left + (self.size.width - self.size.left - self.size.right) / 2
        self._text(svg, middle, bottom + 32, f"seconds since {what}", "axis")

    def _zero(self, svg: ET.Element, bottom: float) -> None:
        if self.timeline.fault_known:
            x = self.x(0.0)
            ET.SubElement(svg, "path", {"d": f"M{x:g} 4V{bottom + 4:g}", "class": "zero"})

    def _lane(self, lane: Lane) -> None:
        heading = f"{lane.title} ({lane.note})" if lane.note else lane.title
        room = self.size.width - 8
        self._text(self.rows, 2, self.y + 11, self._fit(heading, room) or lane.title, "lane")
        self.y += _TITLE_HEIGHT
        for row in lane.rows:
            self._row(row)
            self.y += _ROW_GAP
        self.y += _LANE_GAP - _ROW_GAP

    def _row(self, row: Row) -> None:
        kind = "step" if isinstance(row, StepRow) else "count"
        if isinstance(row, BarRow):
            kind = "thin" if row.thin else "bar"
        height = _ROW_HEIGHTS[kind]
        thin = kind == "thin"
        if self.size.stacked:
            # Thin rows are many; on a phone their names would double the height.
            if not thin:
                self._text(self.rows, self.size.left + 2, self.y + 10, self._name(row), "name")
                self.y += 13
        else:
            baseline = self.y + height / 2 + (3 if thin else 4)
            name = self._fit(self._name(row), self.size.left - 14)
            self._text(
                self.rows, self.size.left - 8, baseline, name, "name end" + (" small" * thin)
            )
        match row:
            case BarRow():
                self._bars(row, height)
            case CountRow():
                self._counts(row, height)
            case StepRow():
                self._step_lines(row, height)
        self.y += height

    def _name(self, row: Row) -> str:
        if isinstance(row, CountRow):
            return f"{row.name}: {sum(row.counts):,}"
        if isinstance(row, StepRow) and self.size.stacked:
            return f"{row.name}, {row.unit}"
        return row.name

    def _bars(self, row: BarRow, height: float) -> None:
        self._baseline(height)
        for span in row.spans:
            left, right = self.x(span.start), self.x(span.end)
            rect = ET.SubElement(
                self.rows,
                "rect",
                {
                    "x": f"{left:g}",
                    "y": f"{self.y:g}",
                    "width": f"{max(right - left, 1.5):g}",
                    "height": f"{height:g}",
                    "class": f"bar {span.kind}",
                },
            )
            ET.SubElement(rect, "title").text = _span_title(span)
            label = "" if row.thin else self._fit_label(span.label, right - left - 8)
            if label:
                self._text(self.rows, left + 5, self.y + height / 2 + 4, label, "in-bar")
        self._marks(row, height)

    def _marks(self, row: BarRow, height: float) -> None:
        groups: list[list[Mark]] = []
        for mark in row.marks:
            x = self.x(mark.at)
            d = f"M{x:g} {self.y - 1:g}v{height + 2:g}"
            path = ET.SubElement(self.rows, "path", {"d": d, "class": "mark"})
            ET.SubElement(path, "title").text = f"{mark.label} at {moment(mark.at)}"
            if groups and x - self.x(groups[-1][-1].at) < _MARKS_TOGETHER:
                groups[-1].append(mark)
            else:
                groups.append([mark])
        free = float(self.size.left)
        for number, group in enumerate(groups):
            label = ", ".join(dict.fromkeys(mark.label for mark in group))
            width = self._width(label) + 8
            right = self.x(group[-1].at)
            last = number + 1 == len(groups)
            limit = self.size.width if last else self.x(groups[number + 1][0].at)
            # Labels that have no room are left to the tooltip and the key numbers.
            for begin in (right + 4, self.x(group[0].at) - width):
                if begin >= free and begin + width <= limit:
                    self._text(self.rows, begin, self.y + height / 2 + 4, label, "in-bar")
                    break
            free = right

    def _baseline(self, height: float) -> None:
        d = f"M{self.size.left} {self.y + height:g}H{self.size.width - self.size.right}"
        ET.SubElement(self.rows, "path", {"d": d, "class": "base"})

    def _counts(self, row: CountRow, height: float) -> None:
        """Draw columns as one path, so that a million operations are one element."""
        self._baseline(height)
        most = max(row.counts, default=0)
        if most == 0:
            return
        merge = max(1, -(-len(row.counts) // self.size.columns))
        groups = [max(row.counts[i : i + merge]) for i in range(0, len(row.counts), merge)]
        width = self.timeline.bucket_seconds * self.scale * merge
        path = []
        limit = self.size.width - self.size.right
        for index, count in enumerate(groups):
            if not count:
                continue
            x = self.size.left + index * width
            column = min(max(width - 0.2, 1.6), limit - x)
            if column <= 0:
                continue
            tall = max(count / most * height, 4.0)
            path.append(f"M{x:.1f} {self.y + height:g}v-{tall:.1f}h{column:.1f}v{tall:.1f}z")
        element = ET.SubElement(
            self.rows, "path", {"d": "".join(path), "class": f"count {row.kind}"}
        )
        ET.SubElement(element, "title").text = f"{row.name}: {sum(row.counts):,}"

    def _step_lines(self, row: StepRow, height: float) -> None:
        values = [v for series in row.series for _, v in series.points if v is not None]
        top = max([*values, 1.0])
        self._baseline(height)
        side = self.size.left - 8
        for value in (top, 0):
            y = self.y + (10 if value else height - 1)
            if self.size.stacked:
                below = 5 if value else 0
                self._text(self.rows, self.size.left + 2, y + below, f"{value:g}", "scale")
            else:
                label = f"{value:g} {row.unit}" if value else "0"
                self._text(self.rows, side, y, label, "scale end")
        # The first line is drawn last: where lines are equal, the solid one is seen.
        for number, series in reversed(list(enumerate(row.series))):
            d = self._step_path(series.points, top, height)
            path = ET.SubElement(self.rows, "path", {"d": d, "class": f"step step{number}"})
            ET.SubElement(path, "title").text = f"{row.name}: {series.name}"

    def _step_path(
        self, points: Sequence[tuple[float, float | None]], top: float, height: float
    ) -> str:
        path: list[str] = []
        drawing = False
        for at, value in points:
            x = self.x(at)
            if value is None:
                path.append(f"H{x:g}" if drawing else "")
                drawing = False
                continue
            y = self.y + height - value / top * (height - 4)
            path.append(f"H{x:g}V{y:.1f}" if drawing else f"M{x:g} {y:.1f}")
            drawing = True
        if drawing:
            path.append(f"H{self.x(self.timeline.end):g}")
        return "".join(path)


def _span_title(span: Span) -> str:
    label = span.label or span.kind
    return f"{label}: {moment(span.start)} to {moment(span.end)}"
