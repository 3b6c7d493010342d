"""An audit as tables for the terminal."""

from __future__ import annotations

from collections import Counter

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from harness.audit.judging import Audit, State
from harness.audit.resource import Place
from harness.audit.rule import Severity
from harness.model.verdict import Verdict
from harness.report.tables import terminal

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}
_VERDICTS = {
    Verdict.SUPPORTED: "green",
    Verdict.REFUTED: "bold red",
    Verdict.INCONCLUSIVE: "yellow",
}


def as_text(audit: Audit) -> str:
    """Return findings, what was not judged and the verdict, for standard output."""
    console = terminal()
    with console.capture() as captured:
        console.print(_all(audit))
    return captured.get()


def _all(audit: Audit) -> RenderableType:
    parts: list[RenderableType] = []
    if audit.findings:
        parts.append(_findings(audit))
    parts += _states(audit)
    if audit.not_judged:
        parts.append(_not_judged(audit))
    parts += [f"note: {escape(note)}" for note in audit.notes]
    counts = Counter(str(rule.severity) for rule, _ in audit.findings)
    style = _VERDICTS[audit.verdict]
    summary = ", ".join(f"{counts[str(s)]} {s}s" for s in Severity)
    parts.append(f"[{style}]{audit.verdict}[/]: {escape(audit.reason)} ({summary})")
    return Group(*parts)


def _findings(audit: Audit) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("Severity", width=8)
    table.add_column("Finding", ratio=1, overflow="fold")
    for rule, defect in audit.findings:
        style = _STYLES[rule.severity]
        table.add_row(
            f"[{style}]{rule.severity}[/]",
            f"[bold]{rule.id}[/]  {escape(str(defect.place))}\n{escape(defect.subject)}\n"
            f"expected {escape(defect.expected)}\ngot {escape(defect.got)}\n"
            f"[dim]touches {escape(', '.join(rule.promises))}[/]\n"
            f"next step: {escape(defect.next_step)}",
            end_section=True,
        )
    return table


def _states(audit: Audit) -> list[RenderableType]:
    """Return one line for each state that is no pass, with the rules in it."""
    lines: list[RenderableType] = []
    for result in audit.results:
        for undecided in result.undecided:
            lines.append(
                f"undecided: {result.rule.id}, {escape(_at(undecided.place))}"
                f"{escape(undecided.subject)}: {escape(undecided.why)}"
            )
    for state in (State.NOTHING, State.NO_INPUT):
        names = [
            r.rule.id + (" (required)" if r.rule.required else "")
            for r in audit.results
            if r.state is state
        ]
        if names:
            lines.append(f"{state}, which is no pass ({len(names)} rules): {', '.join(names)}")
    return lines


def _at(place: Place) -> str:
    return f"{place}, " if place.file else ""


def _not_judged(audit: Audit) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for title in ("Not judged", "Why", "Where"):
        table.add_column(title, overflow="fold")
    for item in audit.not_judged:
        table.add_row(escape(item.what), escape(item.why), escape(str(item.place)))
    return table
