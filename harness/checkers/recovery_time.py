"""How long clients waited for the service to come back after the fault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class _Outage:
    """Times in seconds; ``edge`` is the first of N consecutive ok operations, None if none."""

    begin: float
    end: float
    first: int
    edge: int | None


@checker
def recovery_time(history: History, claim: Claim, window: Window) -> Finding:
    """From the fault's effect to the first of N consecutive ok operations, in seconds.

    N is parameter ``consecutive``. Operations that were still ok before the outage began do
    not count as recovery, nor does the end of a stall that is shorter than the outage: of
    several outages that began under the fault the longest counts. The error is the operation
    spacing plus the slowest ok operation around the edge, plus the time that the fault's own
    command took; where the last operation that was not ok began longer before the edge, the
    service may have been back since then, and that time counts instead of the first two.
    """
    found = attempts(history, claim)
    require_load(found, claim, window)
    run = int(setting(claim, "consecutive", _CONSECUTIVE))
    after = ended_after(found, window.effect)
    spacing = history.header.spacing_seconds
    outages = _outages(after, window, normal_gap(history, found, window), run)
    if not outages:
        if len(after) < run:
            raise CannotJudge(
                f"Only {len(after)} operations ended after the fault, at least {run} needed."
            )
        error = spacing + _slowest(after[:run]) + window.effect_error
        return judge(claim, 0.0, error, "No operation failed or stalled after the fault:")
    outage = max(outages, key=lambda each: each.end - each.begin)
    if outage.edge is None:
        awaited = min(window.until, after[-1].ended) - window.effect
        return never(claim, awaited, f"Clients did not see {run} consecutive ok operations")
    value = outage.end - window.effect
    by_itself = window.observed + HEAL_GRACE_SECONDS
    if window.healed is not None and value > by_itself and claim.bound.holds(value):
        raise CannotJudge(
            f"Clients recovered after {value:.1f} s, but only once the fault was being healed "
            f"(after {window.observed:.1f} s): it cannot be told whether it recovers by itself."
        )
    around = spacing + _slowest(after[outage.edge : outage.edge + run])
    error = max(around, _blind(after, outage)) + window.effect_error
    details = _details(after, outage, window, len(outages))
    return judge(claim, value, error, "Clients recovered after", details)


def _outages(after: Sequence[Attempt], window: Window, normal: float, run: int) -> list[_Outage]:
    # An outage begins with the last ok operation before one that is not ok or came too late.
    found: list[_Outage] = []
    last_ok, index = window.effect, 0
    while index < len(after) and last_ok <= window.until:
        attempt = after[index]
        if attempt.ok and attempt.ended - last_ok <= normal:
            last_ok = attempt.ended
            index += 1
            continue
        edge = _recovered(after, index, run)
        end = after[-1].ended if edge is None else after[edge].ended
        found.append(_Outage(last_ok, end, index, edge))
        if edge is None:
            break
        last_ok, index = end, edge + 1
    return found


def _recovered(after: Sequence[Attempt], first: int, run: int) -> int | None:
    length = 0
    for index in range(first, len(after)):
        length = length + 1 if after[index].ok else 0
        if length == run:
            return index - run + 1
    return None


def _slowest(around: Sequence[Attempt]) -> float:
    return max((attempt.ended - attempt.began for attempt in around), default=0.0)


def _blind(after: Sequence[Attempt], outage: _Outage) -> float:
    # A client that waits for its deadline on a dead connection does not see the recovery.
    if outage.edge is None:
        return 0.0
    missed = [attempt for attempt in after[outage.first : outage.edge] if not attempt.ok]
    return after[outage.edge].ended - missed[-1].began if missed else 0.0


def _details(
    after: Sequence[Attempt], outage: _Outage, window: Window, outages: int
) -> tuple[tuple[str, str], ...]:
    failed = [attempt for attempt in after[outage.first : outage.edge] if not attempt.ok]
    later = sum(1 for attempt in after[outage.edge :] if not attempt.ok)
    found = [
        ("outages and stalls seen", str(outages)),
        ("last ok operation before the outage after", f"{outage.begin - window.effect:.3f} s"),
        ("operations not ok in the outage", str(len(failed))),
        ("operations not ok after recovery", str(later)),
    ]
    if failed:
        began = failed[-1].began - window.effect
        found.append(("last operation that was not ok began after", f"{began:.3f} s"))
    return tuple(found)
