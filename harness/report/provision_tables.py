"""Tables of a Terraform plan for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table

from harness.provision.changes import Row
from harness.report.tables import terminal

_DONE = {"add": "added", "change": "changed", "replace": "replaced", "destroy": "destroyed"}


def changes(rows: Sequence[Row], record: Mapping[str, Any], *, done: bool) -> str:
    """Return what a plan changes by type, and with what it was planned.

    ``record`` is the plan's stored record; ``done`` says that the changes were carried out.
    """
    parts = [_table(rows)] if rows else []
    totals = record["changes"]
    counted = ", ".join(
        f"{number} {_DONE[kind] if done else f'to {kind}'}"
        for kind, number in totals.items()
        if number
    )
    if not rows:
        parts.append("No changes: the emulator is as the configuration says.\n")
    else:
        parts.append(f"{'Done' if done else 'Planned'}: {counted}.\n")
    provider = record["provider"]
    seconds = ", ".join(f"{name} {value} s" for name, value in record["seconds"].items())
    lines = [
        f"Provider: {provider['title']} ({provider['why']})",
        f"Program:  {record['program']}, against {record['endpoint'] or 'no endpoint'}",
        f"Took:     {seconds}",
        f"Digest:   sha256:{record['digest']}",
        *(f"Warning:  {warning}" for warning in record["warnings"]),
    ]
    return "".join(parts) + "\n".join(lines)


def _table(rows: Sequence[Row]) -> str:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("Type", overflow="fold")
    for name in ("Add", "Change", "Replace", "Destroy"):
        table.add_column(name, justify="right")
    for row in rows:
        numbers = (row.add, row.change, row.replace, row.destroy)
        table.add_row(row.type, *(str(number or "") for number in numbers))
    console = terminal()
    with console.capture() as captured:
        console.print(table)
    return captured.get()
