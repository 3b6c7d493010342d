"""What clients saw, prepared for the checkers that judge it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import attrgetter

from harness.checkers.evidence import CannotJudge, Window, setting
from harness.model.claim import Claim
from harness.model.history import Attempt, History

# Fewer successful operations before the fault say nothing of the normal state.
_OPERATIONS_MINIMUM = 10
# The normal state is that of so many operations just before the fault.
_NORMAL_OPERATIONS = 1000


def attempts(history: History, claim: Claim) -> Sequence[Attempt]:
    """Return the operations in the order in which they ended.

    Parameter ``client`` of the claim keeps the clients whose name begins with it.
    """
    wanted = str(claim.parameters.get("client", ""))
    found = history.attempts
    if wanted:
        found = [attempt for attempt in found if attempt.client.startswith(wanted)]
    if not found:
        raise CannotJudge("No client operation was recorded.")
    return found


def require_load(found: Sequence[Attempt], claim: Claim, window: Window) -> None:
    """Raise CannotJudge when too few operations were ok before the fault.

    Parameter ``operations_minimum`` of the claim sets how many are enough.
    """
    minimum = int(setting(claim, "operations_minimum", _OPERATIONS_MINIMUM))
    before = sum(1 for _ in islice(_ok_before(found, window), minimum))
    if before < minimum:
        raise CannotJudge(
            f"The load was too low: {before} operations were ok before the fault, "
            f"at least {minimum} needed."
        )
    if found[-1].ended <= window.effect:
        raise CannotJudge("No client operation ended after the fault.")


def ended_after(found: Sequence[Attempt], at: float) -> Sequence[Attempt]:
    """Return the operations that ended after ``at``."""
    return found[bisect_right(found, at, key=attrgetter("ended")) :]


def normal_gap(history: History, found: Sequence[Attempt], window: Window) -> float:
    """Return the longest time between two ok operations that is still normal, in seconds.

    Twice the spacing plus three times the latency that 95 % of the operations just before the
    fault kept: short stalls of a busy host are not outages.
    """
    recent = islice(_ok_before(found, window), _NORMAL_OPERATIONS)
    latencies = sorted(attempt.ended - attempt.began for attempt in recent)
    usual = latencies[int(0.95 * (len(latencies) - 1))] if latencies else 0.0
    return 2 * history.header.spacing_seconds + 3 * usual


def _ok_before(found: Sequence[Attempt], window: Window) -> Iterator[Attempt]:
    last = bisect_right(found, window.effect, key=attrgetter("ended"))
    return (found[index] for index in range(last - 1, -1, -1) if found[index].ok)
