"""The one place that reads time.

``monotonic`` is CLOCK_MONOTONIC in seconds, shared by every process of this machine, so
that times written by the supervisor and by its child are comparable.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


def monotonic() -> float:
    """Return seconds on the machine's monotonic clock."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def wall() -> datetime:
    """Return the current UTC time; for people to read, never to measure with."""
    return datetime.now(UTC)
