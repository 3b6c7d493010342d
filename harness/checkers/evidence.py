"""What every checker needs first: a proven fault, a good steady state, a healthy host.

Pure: a history and a claim go in, a finding comes out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

from harness.model.claim import Claim
from harness.model.finding import Finding, Measurement
from harness.model.history import Fault, History, HistoryInvalid, Observation, Phase
from harness.model.verdict import Verdict

Checker = Callable[[History, Claim], Finding]

# A fault record of this name is a sabotage's planted defect, never the fault under test.
PLANT = "plant"
# Below this the host swaps or kills: whatever was measured says more of the host.
MEMORY_MINIMUM_BYTES = 256 * 1024 * 1024
# A watch event reaches the recorder well within this time.
WATCH_DELAY_SECONDS = 0.5
# A heal that only waits is recorded the moment it sees what the next sample will see too.
HEAL_GRACE_SECONDS = 1.0


class CannotJudge(Exception):
    """The history does not allow a judgement; the message says why, as a full sentence."""


@dataclass(frozen=True)
class Window:
    """When the fault was begun, took effect and was first healed, and when the records end.

    All in seconds on the history's clock; the effect came up to ``effect_error`` later.
    """

    begun: float
    effect: float
    healed: float | None
    end: float
    effect_error: float = 0.0

    @property
    def until(self) -> float:
        """Return the end of the time in which nothing but the system itself mended things."""
        return self.end if self.healed is None else self.healed

    @property
    def observed(self) -> float:
        """Return for how many seconds the system was watched under the fault."""
        return max(0.0, self.until - self.effect)


Measure = Callable[[History, Claim, Window], Finding]


def checker(measure: Measure) -> Checker:
    """Return a checker that judges only histories with a proven fault and a good start."""

    @wraps(measure)
    def check(history: History, claim: Claim) -> Finding:
        try:
            require_good_start(history)
            return measure(history, claim, fault_window(history))
        except CannotJudge as reason:
            return Finding(Verdict.INCONCLUSIVE, str(reason))

    return check


def require_good_start(history: History) -> None:
    """Raise CannotJudge for an empty history, an exhausted host or a bad steady state."""
    if not history.records:
        raise CannotJudge("The history is empty: nothing was recorded.")
    for observation in history.observations("host"):
        available = number(observation, "memory_available_bytes")
        if available < MEMORY_MINIMUM_BYTES:
            raise CannotJudge(
                f"The host was out of memory: {available / 2**20:.0f} MiB available at "
                f"{observation.at:.1f} s, at least {MEMORY_MINIMUM_BYTES // 2**20} MiB needed."
            )
    first_fault = min((f.at for f in under_test(history)), default=float("inf"))
    for observation in history.observations("steady"):
        # What the hypothesis says after the fault is the experiment's outcome, not its start.
        if observation.at <= first_fault and not boolean(observation, "holds"):
            what = field(observation, "what")
            raise CannotJudge(f"The steady state did not hold before the fault: {what}.")


def under_test(history: History) -> tuple[Fault, ...]:
    """Return the fault records without those of a planted defect."""
    return tuple(f for f in history.faults if f.fault != PLANT)


def fault_window(history: History, *, proof_needed: bool = True) -> Window:
    """Return when the fault took effect and until when it was watched.

    Effect is ``evidence.effect_at`` of the proven record where present, else the time of the
    injection; of several faults the first counts. Raises CannotJudge without a proven fault.
    """
    faults = under_test(history)
    injected = [f for f in faults if f.phase is Phase.INJECTED]
    proven = [f for f in faults if f.phase is Phase.PROVEN]
    if not injected and not proven:
        raise CannotJudge("No fault was injected.")
    names = {f.fault for f in injected} - {f.fault for f in proven}
    if proof_needed and names:
        raise CannotJudge(f"The fault was not proven to have happened: {', '.join(sorted(names))}.")
    stated = [_seconds(f, "effect_at") for f in proven if "effect_at" in f.evidence]
    unstated = {f.fault for f in proven if "effect_at" in f.evidence}
    effect = min([*stated, *(f.at for f in injected if f.fault not in unstated)], default=None)
    if effect is None:
        effect = min(f.at for f in proven)
    # Healing the planted defect helps the system as much as healing the fault does.
    heals = [f.at for f in history.faults if f.phase is Phase.HEALED and f.at > effect]
    begun = min([effect, *(f.at for f in injected)])
    errors = [_seconds(f, "effect_error") for f in proven if "effect_error" in f.evidence]
    return Window(
        begun,
        effect,
        min(heals, default=None),
        history.records[-1].at,
        max(errors, default=0.0),
    )


def judge(
    claim: Claim,
    value: float,
    error: float,
    sentence: str,
    details: tuple[tuple[str, str], ...] = (),
) -> Finding:
    """Compare a measurement with the claim's bound.

    A bound that lies within the error of the measurement is inconclusive, because the truth
    may lie on either side. ``sentence`` says what was seen.
    """
    bound = claim.bound
    low, high = bound.holds(value - error), bound.holds(value + error)
    shown = f"{value:.6g}" + (f" ± {error:.3g}" if error else "")
    if low and high:
        verdict, relation = Verdict.SUPPORTED, "keeps"
    elif bound.holds(value) or low or high:
        verdict, relation = Verdict.INCONCLUSIVE, "is too close to tell from"
    else:
        verdict, relation = Verdict.REFUTED, "breaks"
    reason = f"{sentence} {shown} {bound.unit} {relation} the bound {bound}."
    return Finding(verdict, reason, Measurement(value, bound.unit, error), details)


def never(
    claim: Claim, observed: float, what: str, details: tuple[tuple[str, str], ...] = ()
) -> Finding:
    """Judge something that never came: refuted once it was awaited longer than the bound."""
    measured = Measurement(observed, claim.bound.unit, 0.0)
    if claim.bound.holds(observed):
        reason = (
            f"{what} within the {observed:.1f} s observed, which is too short to tell: "
            f"the bound is {claim.bound}."
        )
        return Finding(Verdict.INCONCLUSIVE, reason, None, details)
    reason = f"{what} within the {observed:.1f} s observed; the bound is {claim.bound}."
    return Finding(Verdict.REFUTED, reason, measured, details)


def setting(claim: Claim, name: str, default: float) -> float:
    """Return one of the claim's own parameters as a number."""
    return float(claim.parameters.get(name, default))


def required_observations(history: History, probe: str) -> tuple[Observation, ...]:
    """Return a probe's observations; raise CannotJudge when it saw nothing."""
    found = history.observations(probe)
    if not found:
        raise CannotJudge(f"Probe {probe!r} recorded nothing.")
    return found


def field(observation: Observation, name: str) -> object:
    """Return one field of an observation's value; HistoryInvalid when it is not there."""
    if not isinstance(observation.value, dict) or name not in observation.value:
        raise HistoryInvalid(
            f"observation {observation.probe!r} at {observation.at}: field {name!r} is missing, "
            f"got {observation.value!r}"
        )
    return observation.value[name]


def number(observation: Observation, name: str) -> float:
    """Return a numeric field of an observation's value."""
    value = field(observation, name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(observation, name, "a number", value)
    return float(value)


def boolean(observation: Observation, name: str) -> bool:
    """Return a yes-or-no field of an observation's value."""
    value = field(observation, name)
    if not isinstance(value, bool):
        raise _wrong(observation, name, "true or false", value)
    return value


def count(observation: Observation) -> float:
    """Return the value of an observation that is a bare number."""
    value = observation.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(observation, "value", "a number", value)
    return float(value)


def _wrong(observation: Observation, name: str, expected: str, got: object) -> HistoryInvalid:
    return HistoryInvalid(
        f"observation {observation.probe!r} at {observation.at}: field {name!r}: "
        f"expected {expected}, got {got!r}"
    )


def _seconds(fault: Fault, name: str) -> float:
    value = fault.evidence[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise HistoryInvalid(
            f"fault {fault.fault!r} at {fault.at}: field 'evidence.{name}': "
            f"expected seconds, got {value!r}"
        )
    return float(value)
