"""Tables about the stack and the host for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table

from harness.awsplane.operations import Operations
from harness.report.tables import terminal
from harness.stack.host import Check, State
from harness.stack.status import PartStatus


def status(rows: Sequence[PartStatus]) -> str:
    """Return the parts of the stack as a table."""
    table = _table("Part", "Container", "Zone", "Role", "State", "Endpoint")
    for row in rows:
        table.add_row(row.part, row.name, row.zone, row.role, row.state, row.endpoint)
    return _text(table)


def places(files: Mapping[str, str]) -> str:
    """Return where files and credentials stand; never what is in them."""
    table = _table("Credential", "File")
    for name, path in files.items():
        table.add_row(name, path)
    return _text(table)


def operations(listed: Mapping[str, Operations]) -> str:
    """Return which operations of each AWS service are real, kept and missing: names, counts."""
    counts = _table("Service", "Real", "Kept", "Missing")
    names = _table("Service", "What", "Operations")
    for service, groups in listed.items():
        counts.add_row(
            service, str(len(groups.real)), str(len(groups.kept)), str(len(groups.missing))
        )
        for what, group in (
            ("real", groups.real),
            ("kept", groups.kept),
            ("missing", groups.missing),
        ):
            if group:
                names.add_row(service, what, " ".join(group))
    return (
        _text(names)
        + _text(counts)
        + "real: acts on the running stack or answers from it. kept: remembered, nothing else "
        "happens. missing: answered with AWS's error for an unknown operation."
    )


def differences(found: Sequence[Mapping[str, Any]]) -> str:
    """Return the differences from production, with the claims that each weakens."""
    table = _table("Difference", "Production", "Here", "Why", "Weakens")
    for each in found:
        weakens = ", ".join(each.get("weakens") or ()) or "no claim"
        cells = (each["what"], each["production"], each["emulation"], each["why"])
        table.add_row(*map(str, cells), weakens)
    return _text(table)


def checks(found: Sequence[Check]) -> str:
    """Return the checks of the host, problems first, each with its remedy."""
    order = (State.PROBLEM, State.WARNING, State.OK)
    table = _table("Check", "State", "Found", "Expected", "Remedy")
    for check in sorted(found, key=lambda c: order.index(c.state)):
        table.add_row(check.name, check.state.value, check.found, check.expected, check.remedy)
    problems = sum(check.state is State.PROBLEM for check in found)
    warnings = sum(check.state is State.WARNING for check in found)
    return _text(table) + f"{problems} problems, {warnings} warnings, {len(found)} checks"


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _text(table: Table) -> str:
    console = terminal()
    with console.capture() as captured:
        console.print(table)
    return captured.get()
