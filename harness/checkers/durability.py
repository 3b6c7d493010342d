"""Whether what was acknowledged is still there after recovery."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from harness.checkers.evidence import CannotJudge, Window, checker, judge, setting
from harness.model.claim import Claim
from harness.model.finding import Finding, Measurement
from harness.model.history import FinalRead, History, Outcome
from harness.model.verdict import Verdict

# Fewer acknowledged writes before the fault say nothing of what a failover loses.
_WRITES_MINIMUM = 20
_NAMED_AT_MOST = 5


@dataclass
class _Writes:
    acknowledged: dict[str, float] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    indeterminate: set[str] = field(default_factory=set)


@checker
def acknowledged_lost(history: History, claim: Claim, window: Window) -> Finding:
    """Acknowledged writes that the final read does not find.

    In the bound's unit: ``s`` is how far from the fault's effect the farthest lost
    acknowledgement lies, anything else the number of lost writes. Indeterminate writes may be
    there or not. A failed write that is there, a write that is there twice and an identifier
    that nobody wrote refute the claim whatever the bound is.
    """
    final = _final_read(history, window)
    writes = _sort_writes(history, str(claim.parameters.get("client", "")), final.at)
    minimum = setting(claim, "operations_minimum", _WRITES_MINIMUM)
    before = sum(1 for at in writes.acknowledged.values() if at <= window.effect)
    if before < minimum:
        raise CannotJudge(
            f"The load was too low: {before} writes were acknowledged before the fault, "
            f"at least {minimum:.0f} needed."
        )
    present = frozenset(final.ids)
    lost = [name for name in writes.acknowledged if name not in present]
    age, spread = _ages([writes.acknowledged[name] for name in lost], window.effect)
    details = (
        ("acknowledged", str(len(writes.acknowledged))),
        ("acknowledged and lost", _named(lost)),
        ("age of the oldest lost acknowledgement at the fault", f"{age:.3f} s"),
        ("indeterminate and present", str(sum(1 for n in writes.indeterminate if n in present))),
        ("indeterminate and absent", str(sum(1 for n in writes.indeterminate if n not in present))),
    )
    by_time = claim.bound.unit == "s"
    value = spread if by_time else float(len(lost))
    wrong = _impossible(final.ids, present, writes, len(lost))
    if wrong:
        measured = Measurement(value, claim.bound.unit, 0.0)
        reason = f"The final read holds what it must not: {'; '.join(wrong)}."
        return Finding(Verdict.REFUTED, reason, measured, details)
    sentence = (
        f"{len(lost)} of {len(writes.acknowledged)} acknowledged writes are absent after recovery:"
    )
    return judge(claim, value, 0.0, sentence, details)


def _final_read(history: History, window: Window) -> FinalRead:
    final = history.final_read
    if final is None:
        raise CannotJudge("There is no successful final read: what was kept is not known.")
    if final.at <= window.effect:
        raise CannotJudge("The final read was made before the fault.")
    return final


def _sort_writes(history: History, wanted: str, until: float) -> _Writes:
    found = history.attempts
    if wanted:
        found = [attempt for attempt in found if attempt.client.startswith(wanted)]
    writes = _Writes({name: at for _, at, ok, _, _, name in found if ok and at <= until})
    for attempt in [attempt for attempt in found if not attempt.ok or attempt.ended > until]:
        # What ended after the final read may or may not have been there to be read.
        if attempt.outcome is Outcome.INDETERMINATE or attempt.ended > until:
            writes.indeterminate.add(attempt.id)
        else:
            writes.failed.add(attempt.id)
    return writes


def _ages(lost_at: list[float], effect: float) -> tuple[float, float]:
    if not lost_at:
        return 0.0, 0.0
    age = max(0.0, effect - min(lost_at))
    return age, max(age, max(lost_at) - effect)


def _impossible(
    ids: tuple[str, ...], present: frozenset[str], writes: _Writes, lost: int
) -> list[str]:
    failed = [name for name in writes.failed if name in present]
    repeated = []
    if len(present) < len(ids):
        repeated = [name for name, times in Counter(ids).items() if times > 1]
    unknown = []
    indeterminate = sum(1 for name in writes.indeterminate if name in present)
    # Counting first spares a look-up for each of a million identifiers.
    if len(present) > len(writes.acknowledged) - lost + len(failed) + indeterminate:
        others = present - writes.failed - writes.indeterminate
        unknown = [name for name in others if name not in writes.acknowledged]
    found = []
    if failed:
        found.append(f"failed writes that are present: {_named(failed)}")
    if repeated:
        found.append(f"writes that are present more than once: {_named(repeated)}")
    if unknown:
        found.append(f"identifiers that nobody wrote: {_named(unknown)}")
    return found


def _named(names: list[str]) -> str:
    if not names:
        return "0"
    shown = ", ".join(sorted(names)[:_NAMED_AT_MOST])
    more = ", ..." if len(names) > _NAMED_AT_MOST else ""
    return f"{len(names)} ({shown}{more})"
