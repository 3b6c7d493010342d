"""Whether the standby was promoted, and the old primary kept from writing."""

from __future__ import annotations

from harness.checkers.evidence import (
    CannotJudge,
    Window,
    boolean,
    checker,
    field,
    judge,
    number,
    required_observations,
    setting,
)
from harness.model.claim import Claim
from harness.model.finding import Finding
from harness.model.history import History, Observation

# A promotion that is to count as absent must have been awaited at least this long (seconds).
_AWAITED_MINIMUM = 60.0


@checker
def promotion(history: History, claim: Claim, window: Window) -> Finding:
    """By how much the database's timeline rose between the fault and its healing.

    One promotion adds one. Without any rise the claim is refuted only after
    ``observed_minimum_seconds`` of watching.
    """
    seen = [o for o in required_observations(history, "database") if _timeline(o) is not None]
    before = [o for o in seen if o.at <= window.effect]
    if not before:
        raise CannotJudge("The timeline was not seen before the fault.")
    old = _timeline(before[-1]) or 0.0
    after = [o for o in seen if window.effect < o.at <= window.until]
    new = max((_timeline(o) or 0.0 for o in after), default=old)
    minimum = setting(claim, "observed_minimum_seconds", _AWAITED_MINIMUM)
    if new <= old and window.observed < minimum:
        raise CannotJudge(
            f"No promotion was seen within the {window.observed:.1f} s observed, "
            f"which is too short to tell: at least {minimum:g} s needed."
        )
    first = next((o for o in after if (_timeline(o) or 0.0) > old), None)
    details: tuple[tuple[str, str], ...] = (("timeline before", f"{old:g}"),)
    if first is not None:
        details = (
            *details,
            ("timeline after", f"{new:g}"),
            ("promoted", str(field(first, "primary"))),
            ("promotion seen after", f"{first.at - window.effect:.1f} s"),
        )
    sentence = f"The timeline went from {old:g} to {new:g}, a rise of"
    return judge(claim, new - old, 0.0, sentence, details)


def _timeline(observation: Observation) -> float | None:
    return None if field(observation, "timeline") is None else number(observation, "timeline")


@checker
def fencing(history: History, claim: Claim, window: Window) -> Finding:
    """Writes that the old primary accepted after the fault; none tried is inconclusive."""
    tried = [o for o in history.observations("old_primary_write") if o.at > window.effect]
    if not tried:
        raise CannotJudge("No write was tried on the old primary after the fault.")
    accepted = [o for o in tried if not boolean(o, "refused")]
    details = (
        ("writes tried", str(len(tried))),
        ("servers", ", ".join(sorted({str(field(o, "server")) for o in tried}))),
        ("last answer", str(field(tried[-1], "error"))),
    )
    sentence = f"{len(accepted)} of {len(tried)} writes on the old primary were accepted:"
    return judge(claim, float(len(accepted)), 0.0, sentence, details)
