"""What the autoscaler did under load, against the algorithm that Kubernetes documents."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from harness.checkers.evidence import (
    CannotJudge,
    Checker,
    Window,
    boolean,
    checker,
    fault_window,
    field,
    judge,
    never,
    number,
    require_good_start,
    required_observations,
    setting,
    under_test,
)
from harness.model.claim import Claim
from harness.model.finding import Finding, Measurement
from harness.model.history import History, Observation, Phase
from harness.model.verdict import Verdict

_PROBE = "hpa"
# Metrics that stay unknown this long after the load began never came (two syncs of 15 s,
# one scrape of 15 s and the kubelet's 10 s housekeeping fit within).
_UNKNOWN_SECONDS = 60.0


def _unproven_load_allowed(measure: Checker) -> Checker:
    """Let a checker see loads that were injected but not proven.

    The proof of a load is what the autoscaler's own metrics show; where these are unknown
    throughout, that is the finding, not a lack of data.
    """

    def check(history: History, claim: Claim) -> Finding:
        try:
            require_good_start(history)
            window = fault_window(history, proof_needed=False)
            samples = [o for o in required_observations(history, _PROBE) if _under_load(o, window)]
            if not samples:
                raise CannotJudge("The autoscaler was not observed under load.")
            unknown = _longest_unknown(samples, window)
            if all(_unknown(o) for o in samples) and window.observed >= _UNKNOWN_SECONDS:
                return _blind_autoscaler(claim, window, samples, unknown)
        except CannotJudge as reason:
            return Finding(Verdict.INCONCLUSIVE, str(reason))
        return measure(history, claim)

    return check


def _blind_autoscaler(
    claim: Claim, window: Window, samples: Sequence[Observation], unknown: float
) -> Finding:
    reason = (
        f"The autoscaler's metrics were unknown in all {len(samples)} observations of "
        f"{window.observed:.0f} s of load ({field(samples[-1], 'reason') or 'no reason given'}): "
        f"it cannot scale on what it cannot see; the bound is {claim.bound}."
    )
    value = unknown if claim.indicator == "metrics_known" else window.observed
    return Finding(Verdict.REFUTED, reason, Measurement(value, claim.bound.unit, 0.0))


@_unproven_load_allowed
@checker
def metrics_known(history: History, claim: Claim, window: Window) -> Finding:
    """The longest time under load in which the autoscaler's metrics were unknown, in seconds."""
    samples = [o for o in history.observations(_PROBE) if _under_load(o, window)]
    unknown = [o for o in samples if _unknown(o)]
    longest = _longest_unknown(samples, window)
    details = (("observations", str(len(samples))), ("with unknown metrics", str(len(unknown))))
    return judge(claim, longest, 0.0, "Longest time with unknown metrics:", details)


@_unproven_load_allowed
@checker
def scale_up_time(history: History, claim: Claim, window: Window) -> Finding:
    """From the begin of the load until the autoscaler wants ``replicas`` pods, in seconds."""
    wanted = setting(claim, "replicas", 20)
    samples = [o for o in history.observations(_PROBE) if _under_load(o, window)]
    details = (("steps", _path(history.observations(_PROBE), window)),)
    previous = window.effect
    for o in samples:
        if number(o, "desired") >= wanted:
            value = o.at - window.effect
            sentence = f"{wanted:g} replicas were desired after"
            return judge(claim, value, o.at - previous, sentence, details)
        previous = o.at
    most = max(number(o, "desired") for o in samples)
    what = f"The autoscaler wanted at most {most:g} of {wanted:g} replicas"
    return never(claim, window.observed, what, details)


@checker
def scale_up_steps(history: History, claim: Claim, window: Window) -> Finding:
    """How many scale-up steps break the documented algorithm.

    Parameters: ``window_seconds`` before the first step, then at most the larger of
    ``percent`` and ``pods`` in each ``period_seconds``.
    """
    samples = required_observations(history, _PROBE)
    start = [o for o in samples if o.at <= window.effect]
    if not start:
        raise CannotJudge("The autoscaler was not observed before the load.")
    steps = _steps([start[-1], *(o for o in samples if _under_load(o, window))])
    ups = [(at, slack, old, new) for at, slack, old, new in steps if new > old]
    if not ups:
        raise CannotJudge("No scale-up was observed: there is no step to compare.")
    broken = _broken_steps(ups, claim, window)
    details = (("steps", _path(samples, window)), *(("broken", text) for text in broken))
    sentence = f"Of {len(ups)} scale-up steps, against the documented algorithm:"
    if broken:
        sentence = f"{broken[0]}. {sentence}"
    return judge(claim, float(len(broken)), 0.0, sentence, details)


@checker
def scale_down_delay(history: History, claim: Claim, window: Window) -> Finding:
    """From the end of the load until the first scale-down, in seconds."""
    ended = [f.at for f in under_test(history) if f.phase is Phase.HEALED]
    if not ended:
        raise CannotJudge("The load was not ended: there is no scale-down to time.")
    samples = required_observations(history, _PROBE)
    during = [number(o, "desired") for o in samples if o.at <= ended[0]]
    after = [o for o in samples if o.at > ended[0]]
    if not during or max(during) <= during[0]:
        raise CannotJudge("The load did not scale anything up: there is nothing to scale down.")
    previous, level = ended[0], during[-1]
    details = (("steps", _path(samples, window)),)
    for o in after:
        if number(o, "desired") < level:
            value = o.at - ended[0]
            sentence = "The first scale-down came after"
            return judge(claim, value, o.at - previous, sentence, details)
        previous, level = o.at, number(o, "desired")
    watched = max(0.0, previous - ended[0])
    raise CannotJudge(
        f"No scale-down was seen within {watched:.0f} s after the load: its delay is not known."
    )


def _under_load(observation: Observation, window: Window) -> bool:
    return window.effect < observation.at <= window.until


def _unknown(observation: Observation) -> bool:
    active = field(observation, "scaling_active")
    return (
        field(observation, "cpu_percent") is None
        or field(observation, "memory_percent") is None
        or (active is not None and not boolean(observation, "scaling_active"))
    )


def _longest_unknown(samples: Sequence[Observation], window: Window) -> float:
    longest, since = 0.0, None
    for o in samples:
        if not _unknown(o):
            since = None
            continue
        since = o.at if since is None else since
        longest = max(longest, o.at - since)
    if since is not None:
        longest = max(longest, window.until - since)
    return longest


def _steps(samples: Sequence[Observation]) -> list[tuple[float, float, float, float]]:
    # (time seen, seconds since the sample before, replicas before, replicas after)
    found = []
    for earlier, later in pairwise(samples):
        old, new = number(earlier, "desired"), number(later, "desired")
        if old != new:
            found.append((later.at, later.at - earlier.at, old, new))
    return found


def _broken_steps(
    ups: Sequence[tuple[float, float, float, float]], claim: Claim, window: Window
) -> list[str]:
    wait, period = setting(claim, "window_seconds", 60), setting(claim, "period_seconds", 30)
    percent, pods = setting(claim, "percent", 100), setting(claim, "pods", 4)
    found = []
    for index, (at, slack, old, new) in enumerate(ups):
        since = at - window.effect
        # Two samples, each up to one interval late, can bring two steps nearer together.
        recent = [step for step in ups[:index] if step[0] > at - period + slack + step[1]]
        base = recent[0][2] if recent else old
        limit = max(math.ceil(base * (1 + percent / 100)), base + pods)
        if index == 0 and since < wait:
            found.append(f"first step {old:g} to {new:g} after {since:.0f} s, window {wait:g} s")
        elif new > limit:
            found.append(
                f"step to {new:g} after {since:.0f} s, {limit:g} allowed in {period:g} s "
                f"from {base:g}"
            )
    return found


def _path(samples: Sequence[Observation], window: Window) -> str:
    shown = [f"{number(samples[0], 'desired'):g}"]
    shown += [f"{new:g} at {at - window.effect:.0f} s" for at, _, _, new in _steps(samples)]
    return " → ".join(shown)
