"""How much of the service clients missed."""

from __future__ import annotations

from harness.checkers.attempts import attempts, ended_after, normal_gap, require_load
from harness.checkers.evidence import CannotJudge, Window, checker, judge, never, setting
from harness.model.claim import Claim
from harness.model.finding import Finding
from harness.model.history import History

# Requests in the fault window below which a ratio says nothing.
_REQUESTS_MINIMUM = 100


@checker
def unavailability(history: History, claim: Claim, window: Window) -> Finding:
    """Summed time without an ok operation from the fault to the last operation, in seconds.

    A gap between two ok operations counts in full once it is longer than normal (parameter
    ``gap_seconds``, else derived from the operations before the fault). The error of each gap
    is the spacing plus the latency of the operation that ended it. Healing the fault does not
    end the count, so that a second outage is not lost.
    """
    found = attempts(history, claim)
    require_load(found, claim, window)
    longest_normal = setting(claim, "gap_seconds", normal_gap(history, found, window))
    spacing = history.header.spacing_seconds
    last_ok = window.effect
    total, error = 0.0, 0.0
    gaps: list[tuple[float, float]] = []
    for attempt in ended_after(found, window.effect):
        if not attempt.ok:
            continue
        gap = attempt.ended - last_ok
        if gap > longest_normal:
            gaps.append((last_ok - window.effect, gap))
            total += gap
            error += min(gap, spacing + attempt.ended - attempt.began)
        last_ok = attempt.ended
    open_gap = found[-1].ended - last_ok
    details = (
        ("outages", str(len(gaps) + (open_gap > longest_normal))),
        ("longest outage", f"{max([gap for _, gap in gaps] + [open_gap]):.3f} s"),
        ("gap counted as outage from", f"{longest_normal:.3f} s"),
    )
    if open_gap > longest_normal:
        what = f"An outage was still open {open_gap:.1f} s after the last ok operation; no end"
        return never(claim, total + open_gap, what, details)
    return judge(claim, total, error, "Time without an ok operation:", details)


@checker
def failed_ratio(history: History, claim: Claim, window: Window) -> Finding:
    """Share of operations in the fault window that were not acknowledged.

    The window is parameter ``window_seconds`` from the fault's effect. Operations in flight at
    the effect count; indeterminate ones count as not acknowledged. At least
    ``requests_minimum`` operations are needed.
    """
    found = attempts(history, claim)
    require_load(found, claim, window)
    seconds = setting(claim, "window_seconds", 60.0)
    ends = window.effect + seconds
    if found[-1].ended < ends:
        watched = found[-1].ended - window.effect
        raise CannotJudge(
            f"Clients ended {watched:.1f} s after the fault; the fault window is {seconds:g} s."
        )
    within = [a for a in ended_after(found, window.effect) if a.began <= ends]
    minimum = setting(claim, "requests_minimum", _REQUESTS_MINIMUM)
    if len(within) < minimum:
        raise CannotJudge(
            f"The load was too low: {len(within)} operations in the fault window, "
            f"at least {minimum:.0f} needed."
        )
    failed = sum(1 for attempt in within if not attempt.ok)
    details = (
        ("operations in the fault window", str(len(within))),
        ("operations not acknowledged", str(failed)),
    )
    sentence = f"{failed} of {len(within)} operations were not acknowledged within {seconds:g} s:"
    return judge(claim, failed / len(within), 0.0, sentence, details)
