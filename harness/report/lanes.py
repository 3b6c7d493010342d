"""Observations -> lanes: pods, nodes, roles, evictions and scaling on the time axis.

A value that does not have the shape its probe should have is counted and named in the text
alternative instead of being dropped silently.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from harness.model.history import Observation
from harness.report.lanes_model import (
    BarRow,
    CountRow,
    Lane,
    Row,
    Series,
    Span,
    StepRow,
    Window,
    moment,
)

PODS_DRAWN_MAX = 24
"""Pods beyond these are counted in a note, so that the picture stays small."""

STATE_CHANGES_MAX = 200
"""Changes drawn in one row of states; more would only be a solid block."""

SAME_MOMENT_SECONDS = 0.01
"""A watch reports objects one by one; what comes this close together is one change."""

_GONE_PHASES = frozenset({"Deleted", "Gone", "Removed"})
Numbers = list[tuple[str, str]]
Built = tuple[list[Lane], Numbers]


def observation_lanes(observations: Sequence[Observation], window: Window) -> Built:
    """Return the lanes of all known probes that observed anything, and their key numbers."""
    by_probe: dict[str, list[Observation]] = {}
    for each in observations:
        by_probe.setdefault(each.probe, []).append(each)
    lanes: list[Lane] = []
    numbers: Numbers = []
    for probe, builder in _BUILDERS.items():
        seen = by_probe.get(probe)
        if not seen:
            continue
        good = [o for o in seen if _fits(probe, o.value)]
        if len(good) < len(seen):
            text = f"{len(seen) - len(good)} of {len(seen)} values have an unexpected form"
            numbers.append((f"probe {probe}", text))
        if good:
            more_lanes, more_numbers = builder(good, window)
            lanes.extend(more_lanes)
            numbers.extend(more_numbers)
    unknown = sorted(set(by_probe) - set(_BUILDERS))
    if unknown:
        numbers.append(("recorded but not drawn", ", ".join(unknown)))
    return lanes, numbers


def _fits(probe: str, value: Any) -> bool:
    if probe == "ready_backends":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, dict) and all(
        isinstance(value.get(key), kind) for key, kind in _KEYS[probe].items()
    )


def _steps(points: Sequence[tuple[float, float | None]]) -> tuple[tuple[float, float | None], ...]:
    """Keep only the points where the value changes, the last of each moment, and the end."""
    kept: list[tuple[float, float | None]] = []
    for index, point in enumerate(points):
        if index + 1 < len(points) and points[index + 1][0] - point[0] < SAME_MOMENT_SECONDS:
            continue
        if not kept or point[1] != kept[-1][1]:
            kept.append(point)
    if points and points[-1] != kept[-1]:
        kept.append(points[-1])
    return tuple(kept)


def _states(points: Sequence[tuple[float, str, str]], end: float) -> tuple[Span, ...]:
    """Merge (time, kind, label) points with equal state into spans up to ``end``."""
    spans: list[Span] = []
    for at, kind, label in points:
        if spans and (spans[-1].kind, spans[-1].label) == (kind, label):
            continue
        if spans:
            spans[-1] = Span(spans[-1].start, at, spans[-1].kind, spans[-1].label)
        spans.append(Span(at, end, kind, label))
    if len(spans) > STATE_CHANGES_MAX:
        cut = spans[STATE_CHANGES_MAX - 1]
        rest = Span(cut.start, end, "unsteady", f"{len(spans) - STATE_CHANGES_MAX} more changes")
        spans[STATE_CHANGES_MAX - 1 :] = [rest]
    return tuple(spans)


def _ready_backends(seen: Sequence[Observation], window: Window) -> Built:
    points = _steps([(o.at - window.zero, o.value) for o in seen])
    values = [o.value for o in seen]
    numbers = [("Ready backend pods", f"lowest {min(values)}, highest {max(values)}")]
    row = StepRow("Ready", "pods", (Series("Ready", points),))
    return [Lane("Ready backend pods", (row,))], numbers


def _endpoints(seen: Sequence[Observation], window: Window) -> Built:
    ready: set[str] = set()
    points: list[tuple[float, float | None]] = []
    for each in seen:
        if each.value["ready"]:
            ready.add(each.value["pod"])
        else:
            ready.discard(each.value["pod"])
        points.append((each.at - window.zero, float(len(ready))))
    row = StepRow("in service", "pods", (Series("in service", _steps(points)),))
    return [Lane("Ready endpoints of the Service", (row,))], []


def _evictions(seen: Sequence[Observation], window: Window) -> Built:
    kinds = {"accepted": "ok", "refused (429)": "refused", "other error": "failed"}
    counts = {name: [0] * window.buckets for name in kinds}
    for each in seen:
        status = each.value["status"]
        name = {200: "accepted", 201: "accepted", 429: "refused (429)"}.get(status, "other error")
        counts[name][window.bucket(each.at)] += 1
    rows: tuple[Row, ...] = tuple(
        CountRow(name, kind, tuple(counts[name])) for name, kind in kinds.items()
    )
    text = ", ".join(f"{sum(counts[name])} {name}" for name in kinds)
    return [Lane("Evictions", rows, note=f"counted per {window.width:g} s")], [("evictions", text)]


def _drains(seen: Sequence[Observation], window: Window) -> Built:
    rows: list[Row] = []
    numbers: Numbers = []
    for node in dict.fromkeys(o.value["node"] for o in seen):
        mine = [o for o in seen if o.value["node"] == node]
        spans = []
        for index, each in enumerate(mine):
            if each.value["state"] != "started":
                continue
            ended = mine[index + 1] if index + 1 < len(mine) else None
            end = window.end if ended is None else ended.at - window.zero
            label = "not ended" if ended is None else str(ended.value["state"])
            kind = "active" if label == "completed" else "fault"
            spans.append(Span(each.at - window.zero, end, kind, label))
            numbers.append((f"drain of {node}", f"{label} after {end - spans[-1].start:.1f} s"))
        rows.append(BarRow(str(node), tuple(spans)))
    return [Lane("Drains", tuple(rows))], numbers


def _nodes(seen: Sequence[Observation], window: Window) -> Built:
    rows: list[Row] = []
    numbers: Numbers = []
    for node in sorted({str(o.value["node"]) for o in seen}):
        points = [
            (
                o.at - window.zero,
                *(("ready", "Ready") if o.value["ready"] else ("down", "NotReady")),
            )
            for o in seen
            if str(o.value["node"]) == node
        ]
        spans = _states(points, window.end)
        rows.append(BarRow(node, spans))
        numbers.extend(
            (f"node {node}", f"NotReady from {moment(s.start, 1)} to {moment(s.end, 1)}")
            for s in spans
            if s.kind == "down"
        )
    return [Lane("Nodes", tuple(rows))], numbers


def _pods(seen: Sequence[Observation], window: Window) -> Built:
    by_uid: dict[str, list[Observation]] = {}
    for each in seen:
        by_uid.setdefault(str(each.value["uid"]), []).append(each)
    rows: list[Row] = []
    for mine in by_uid.values():
        points = [(o.at - window.zero, *_pod_state(o.value)) for o in mine]
        spans = tuple(s for s in _states(points, window.end) if s.kind != "gone")
        short = str(mine[0].value["pod"]).rsplit("-", 1)[-1]
        rows.append(BarRow(short, spans, thin=True))
    drawn, hidden = rows[:PODS_DRAWN_MAX], len(rows) - PODS_DRAWN_MAX
    note = f"{hidden} more pods are not drawn" if hidden > 0 else ""
    before = sum(mine[0].at <= window.zero for mine in by_uid.values())
    text = f"{len(by_uid)} seen, {len(by_uid) - before} of them first seen after the fault"
    return [Lane("Backend pods", tuple(drawn), note=note)], [("backend pods", text)]


def _pod_state(value: dict[str, Any]) -> tuple[str, str]:
    if value.get("removed") or value["phase"] in _GONE_PHASES:
        return "gone", ""
    if value.get("deleting"):
        return "deleting", "deleting"
    return ("ready", "Ready") if value["ready"] else ("starting", "not Ready")


def _roles(what: str) -> Callable[[Sequence[Observation], Window], Built]:
    def build(seen: Sequence[Observation], window: Window) -> Built:
        points = []
        names: list[str] = []
        for each in seen:
            primary, timeline = each.value["primary"], each.value.get("timeline")
            if primary is None:
                points.append((each.at - window.zero, "down", "no primary"))
                continue
            if primary not in names:
                names.append(primary)
            label = str(primary) if timeline is None else f"{primary}, timeline {timeline}"
            points.append((each.at - window.zero, f"role{names.index(primary) % 3}", label))
        spans = _states(points, window.end)
        texts = [f"{s.label} from {moment(s.start, 1)}" for s in spans[:12]]
        if len(spans) > len(texts):
            texts.append(f"{len(spans) - len(texts)} more changes")
        row = BarRow("primary", spans)
        return [Lane(f"{what} role", (row,))], [(f"{what.lower()} primary", ", ".join(texts))]

    return build


def _old_primary(seen: Sequence[Observation], window: Window) -> Built:
    counts = {name: [0] * window.buckets for name in ("refused", "accepted")}
    for each in seen:
        name = "refused" if each.value["refused"] else "accepted"
        counts[name][window.bucket(each.at)] += 1
    rows: tuple[Row, ...] = (
        CountRow("refused", "ok", tuple(counts["refused"])),
        CountRow("accepted", "failed", tuple(counts["accepted"])),
    )
    text = ", ".join(f"{sum(counts[name])} {name}" for name in counts)
    return [Lane("Writes tried on the old primary", rows)], [("writes on the old primary", text)]


def _scaling(seen: Sequence[Observation], window: Window) -> Built:
    def series(name: str, key: str) -> Series:
        return Series(name, _steps([(o.at - window.zero, o.value.get(key)) for o in seen]))

    rows: list[Row] = [
        StepRow("replicas", "pods", (series("desired", "desired"), series("Ready", "ready"))),
        StepRow("cpu", "% of request", (series("cpu", "cpu_percent"),)),
    ]
    desired = [o.value["desired"] for o in seen if o.value["desired"] is not None]
    unknown = sum(o.value.get("cpu_percent") is None for o in seen)
    numbers = [("cpu metric", f"unknown in {unknown} of {len(seen)} samples")]
    if desired:
        numbers.insert(0, ("desired replicas", f"lowest {min(desired)}, highest {max(desired)}"))
    note = "replicas: solid line desired, dashed line Ready"
    return [Lane("Autoscaler (HPA)", tuple(rows), note=note)], numbers


def _steady(seen: Sequence[Observation], window: Window) -> Built:
    numbers: Numbers = []
    for when, own in (
        ("before the fault", [o for o in seen if o.at <= window.zero]),
        ("after the fault", [o for o in seen if o.at > window.zero]),
    ):
        if own:
            bad = [str(o.value.get("what", "")) for o in own if not o.value["holds"]]
            text = "did not hold: " + "; ".join(bad) if bad else "held"
            numbers.append((f"steady state {when}", text))
    return [], numbers


def _host(seen: Sequence[Observation], window: Window) -> Built:
    least = min(o.value["memory_available_bytes"] for o in seen) / 2**20
    return [], [("host memory available", f"lowest {least:,.0f} MiB")]


_BUILDERS: dict[str, Callable[[Sequence[Observation], Window], Built]] = {
    "steady": _steady,
    "ready_backends": _ready_backends,
    "endpoint": _endpoints,
    "eviction": _evictions,
    "drain": _drains,
    "database": _roles("Database"),
    "cache": _roles("Cache"),
    "old_primary_write": _old_primary,
    "hpa": _scaling,
    "node_ready": _nodes,
    "backend_pod": _pods,
    "host": _host,
}

_KEYS: dict[str, dict[str, Any]] = {
    "steady": {"holds": bool},
    "endpoint": {"pod": str, "ready": bool},
    "eviction": {"status": int},
    "drain": {"node": str, "state": str},
    "database": {"primary": str | None},
    "cache": {"primary": str | None},
    "old_primary_write": {"refused": bool},
    "hpa": {"desired": int | None, "ready": int | None, "cpu_percent": int | float | None},
    "node_ready": {"node": str, "ready": bool},
    "backend_pod": {"pod": str, "uid": str, "phase": str, "ready": bool},
    "host": {"memory_available_bytes": int | float},
}
