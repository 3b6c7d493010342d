"""How long clients waited for the service to come back after the fault."""

from __future__ import annotations

from collections.abc import Sequence

from harness.checkers.attempts import attempts, ended_after, normal_gap, require_load
from harness.checkers.evidence import (
    HEAL_GRACE_SECONDS,
    CannotJudge,
    Window,
    checker,
    judge,
    never,
    setting,
)
from harness.model.claim import Claim
from harness.model.finding import Finding
from harness.model.history import Attempt, History

# Consecutive ok operations that count as recovered, where the claim does not say.
_CONSECUTIVE = 10


@checker
def recovery_time(history: History, claim: Claim, window: Window) -> Finding:
    """From the fault's effect to the first of N consecutive ok operations, in seconds.

    N is parameter ``consecutive``. Operations that were still ok before the outage began do
    not count as recovery. The error is the operation spacing plus the slowest ok operation
    around the edge.
    """
    found = attempts(history, claim)
    require_load(found, claim, window)
    run = int(setting(claim, "consecutive", _CONSECUTIVE))
    after = ended_after(found, window.effect)
    spacing = history.header.spacing_seconds
    first = _outage_begins(after, window.effect, normal_gap(history, found, window))
    if first is None:
        if len(after) < run:
            raise CannotJudge(
                f"Only {len(after)} operations ended after the fault, at least {run} needed."
            )
        error = spacing + _slowest(after[:run])
        return judge(claim, 0.0, error, "No operation failed or stalled after the fault:")
    edge = _recovered(after, first, run)
    if edge is None:
        awaited = min(window.until, after[-1].ended) - window.effect
        return never(claim, awaited, f"Clients did not see {run} consecutive ok operations")
    value = after[edge].ended - window.effect
    by_itself = window.observed + HEAL_GRACE_SECONDS
    if window.healed is not None and value > by_itself and claim.bound.holds(value):
        raise CannotJudge(
            f"Clients recovered after {value:.1f} s, but only once the fault was being healed "
            f"(after {window.observed:.1f} s): it cannot be told whether it recovers by itself."
        )
    error = spacing + _slowest(after[edge : edge + run])
    details = _details(after, first, edge, window)
    return judge(claim, value, error, "Clients recovered after", details)


def _outage_begins(after: Sequence[Attempt], effect: float, normal: float) -> int | None:
    last_ok = effect
    for index, attempt in enumerate(after):
        if not attempt.ok or attempt.ended - last_ok > normal:
            return index
        last_ok = attempt.ended
    return None


def _recovered(after: Sequence[Attempt], first: int, run: int) -> int | None:
    length = 0
    for index in range(first, len(after)):
        length = length + 1 if after[index].ok else 0
        if length == run:
            return index - run + 1
    return None


def _slowest(around: Sequence[Attempt]) -> float:
    return max((attempt.ended - attempt.began for attempt in around), default=0.0)


def _details(
    after: Sequence[Attempt], first: int, edge: int, window: Window
) -> tuple[tuple[str, str], ...]:
    failed = [attempt for attempt in after[first:edge] if not attempt.ok]
    later = sum(1 for attempt in after[edge:] if not attempt.ok)
    found = [
        ("operations not ok before recovery", str(len(failed))),
        ("operations not ok after recovery", str(later)),
    ]
    if failed:
        began = failed[-1].began - window.effect
        found.append(("last operation that was not ok began after", f"{began:.3f} s"))
    return tuple(found)
