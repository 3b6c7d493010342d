"""Client operations with both their ends, for checkers that judge what clients saw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from harness.checkers.evidence import CannotJudge, Window, setting
from harness.model.claim import Claim
from harness.model.history import History, HistoryInvalid, Outcome

# Fewer successful operations before the fault say nothing of the normal state.
_OPERATIONS_MINIMUM = 10


class Attempt(NamedTuple):
    """One operation: when it began and ended (seconds) and whether it was acknowledged."""

    began: float
    ended: float
    ok: bool


def attempts(history: History, claim: Claim) -> list[Attempt]:
    """Return the operations in the order in which they ended.

    Parameter ``client`` of the claim keeps the clients whose name begins with it. An
    operation that never ended is not ok and counts as ended with the last operation record.
    """
    wanted = str(claim.parameters.get("client", ""))
    found: list[Attempt] = []
    began: dict[str, float] = {}
    last = 0.0
    for at, client, _, name, outcome, _ in history.operations:
        if not client.startswith(wanted):
            continue
        last = at
        if outcome is Outcome.INVOKED:
            if name in began:
                raise HistoryInvalid(f"operation {name!r} at {at}: invoked twice")
            began[name] = at
        else:
            found.append(Attempt(began.pop(name, at), at, outcome is Outcome.OK))
    found.extend(Attempt(start, last, False) for start in began.values())
    if not found:
        raise CannotJudge("No client operation was recorded.")
    return found


def require_load(found: Sequence[Attempt], claim: Claim, window: Window) -> None:
    """Raise CannotJudge when too few operations were ok before the fault.

    Parameter ``operations_minimum`` of the claim sets how many are enough.
    """
    minimum = setting(claim, "operations_minimum", _OPERATIONS_MINIMUM)
    before = sum(1 for attempt in found if attempt.ok and attempt.ended <= window.effect)
    if before < minimum:
        raise CannotJudge(
            f"The load was too low: {before} operations were ok before the fault, "
            f"at least {minimum:.0f} needed."
        )
    if found[-1].ended <= window.effect:
        raise CannotJudge("No client operation ended after the fault.")


def normal_gap(history: History, found: Sequence[Attempt], window: Window) -> float:
    """Return the longest time between two ok operations that is still normal, in seconds.

    Twice the spacing plus three times the latency that 95 % of the operations before the
    fault kept: short stalls of a busy host are not outages.
    """
    latencies = sorted(a.ended - a.began for a in found if a.ok and a.ended <= window.effect)
    usual = latencies[int(0.95 * (len(latencies) - 1))]
    return 2 * history.header.spacing_seconds + 3 * usual
