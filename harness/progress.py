"""Progress of long work: a live table on a terminal, plain lines with times elsewhere."""

from __future__ import annotations

import threading
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table

from harness import clock


class Board:
    """Takes lines of the form ``part: what happens`` and shows the last one of each part.

    Safe to call from several threads. With ``quiet`` it keeps silent (``--json``).
    """

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._started = clock.monotonic()
        self._lock = threading.Lock()
        self._rows: dict[str, tuple[str, float]] = {}
        self._live: Live | None = None

    def __enter__(self) -> Board:
        if self._console.is_terminal and not self._quiet:
            self._live = Live(
                get_renderable=self._table, console=self._console, refresh_per_second=2
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def report(self, line: str) -> None:
        """Show one line of progress."""
        if self._quiet:
            return
        elapsed = clock.monotonic() - self._started
        with self._lock:
            part, separator, message = line.partition(": ")
            if not separator:
                part, message = "harness", line
            self._rows[part] = (message, elapsed)
            if self._live is None:
                self._console.print(
                    f"[{elapsed:6.1f} s] {line}", markup=False, highlight=False, soft_wrap=True
                )

    def _table(self) -> Table:
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(justify="right")
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        with self._lock:
            rows = list(self._rows.items())
        elapsed = clock.monotonic() - self._started
        for part, (message, at) in rows:
            table.add_row(f"{at:.0f} s", part, message)
        table.add_row(f"{elapsed:.0f} s", "", "elapsed")
        return table
