"""Tables for the terminal, from the same stored results as the page.

Legible at 100 columns; a console that writes to a pipe adds no colour codes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.model.verdict import Verdict
from harness.report import wording
from harness.report.stored import StoredClaim, StoredRun

_STYLES = {
    Verdict.SUPPORTED: "green",
    Verdict.REFUTED: "bold red",
    Verdict.INCONCLUSIVE: "yellow",
}
CLAIM_WIDTH = 18
"""Ids are broken at their hyphens, else they would take the room of the numbers."""

_COLUMNS = {
    "Claim": CLAIM_WIDTH,
    "Bound": 11,
    "Measured": 16,
    "Documented": 11,
    "Fidelity": 10,
    "Verdict": 14,
    "Evidence": 9,
}
"""Fixed widths: longer cells continue on the next line, and the table keeps to PIPED_WIDTH."""

PIPED_WIDTH = 100
"""Columns where the width of the terminal is unknown."""


def show(run: StoredRun, console: Console | None = None) -> None:
    """Write all tables of a run to ``console``, by default to standard output."""
    console = console or terminal()
    console.print(overview(run))


def as_text(run: StoredRun) -> str:
    """Return all tables as text for standard output, with colours only on a terminal."""
    console = terminal()
    with console.capture() as captured:
        console.print(overview(run))
    return captured.get()


def terminal() -> Console:
    """Return a console for standard output that keeps PIPED_WIDTH when it is piped."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPED_WIDTH, no_color=True)
    return console


def overview(run: StoredRun) -> RenderableType:
    """Return claims, sabotages, the reasons of what is not supported, and the counts."""
    return Group(*_parts(run))


def _parts(run: StoredRun) -> Iterator[RenderableType]:
    yield claims_table(run)
    for claim in run.claims:
        if claim.verdict is not Verdict.SUPPORTED:
            text = Text.assemble(_verdict(claim.verdict), f" {claim.id}: {claim.reason}")
            yield text
    yield sabotage_table(run)
    yield Text(differences_line(run))
    yield Text.assemble("Run ", run.run, ": ", _verdict(run.verdict), f". {wording.summary(run)}.")


def claims_table(run: StoredRun) -> Table:
    """Return the final table: one row for each claim."""
    table = Table(
        title=f"Claims of run {run.run}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        caption=f"Evidence: folders under {run.folder.name}/<claim>/",
        caption_justify="left",
    )
    for name, width in _COLUMNS.items():
        table.add_column(name, overflow="fold", width=width)
    for claim in run.claims:
        table.add_row(
            textwrap.fill(claim.id, CLAIM_WIDTH),
            wording.bound(claim.bound),
            f"{wording.measurement(claim.measured)}\n{_trials(claim)}",
            wording.documented(claim.documented) if claim.documented else "-",
            claim.fidelity.value,
            _verdict(claim.verdict),
            _evidence(claim),
        )
    return table


def sabotage_table(run: StoredRun) -> Table:
    """Return which planted defect each claim's check was shown to refute."""
    table = Table(
        title="Sabotages",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("Claim", overflow="fold", ratio=4)
    table.add_column("Sabotage", overflow="fold", ratio=3)
    table.add_column("Result", overflow="fold", ratio=5)
    for claim in run.claims:
        good = claim.sabotage.verdict is Verdict.REFUTED
        result = Text(wording.sabotage(claim.sabotage), style="green" if good else "yellow")
        table.add_row(claim.id, claim.sabotage.what or "-", result)
    return table


def differences_line(run: StoredRun) -> str:
    """Return how many differences from production were found and how many claims they weaken."""
    if run.differences is None:
        return "Differences from production: no list is stored in this run."
    weakened = {name for difference in run.differences for name in difference.weakens}
    weakened &= {claim.id for claim in run.claims}
    return (
        f"Differences from production: {len(run.differences)}, weakening {len(weakened)} of "
        f"{len(run.claims)} claims; the report lists them."
    )


def _verdict(verdict: Verdict) -> Text:
    return Text(f"{wording.SYMBOLS[verdict]} {verdict.value}", style=_STYLES[verdict])


def _trials(claim: StoredClaim) -> str:
    count = len(claim.trials)
    return f"worst of {count}" if count > 1 else f"{count or 'no'} trial"


def _evidence(claim: StoredClaim) -> str:
    if not claim.evidence:
        return "none"
    more = len(claim.evidence) - 1
    first = claim.evidence[0].removeprefix(f"{claim.id}/").removesuffix("/history.jsonl")
    return f"{first}\n+{more} more" if more else first
