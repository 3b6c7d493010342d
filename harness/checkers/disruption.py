"""What drains and kills did to the backend pods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from harness.checkers.evidence import (
    HEAL_GRACE_SECONDS,
    CannotJudge,
    Window,
    checker,
    count,
    field,
    judge,
    never,
    number,
    required_observations,
    setting,
)
from harness.model.claim import Claim
from harness.model.finding import Finding, Measurement
from harness.model.history import History, Observation
from harness.model.verdict import Verdict

# A fall of Ready pods shorter than this may be missed; the probe samples far oftener.
_SAMPLING_LIMIT_SECONDS = 2.0
# A budget frees an eviction only when a pod becomes Ready; a pod that starts at all does so
# in half of this time (30 s to the first readiness probe, image pulled, container started).
_BLOCKED_SECONDS = 120.0
_BLOCKED_ATTEMPTS = 5


@checker
def ready_minimum(history: History, claim: Claim, window: Window) -> Finding:
    """The lowest number of Ready backend pods between the fault and its healing."""
    samples, before = _ready(history, window, window.until)
    if not claim.bound.holds(before):
        raise CannotJudge(f"Only {before:g} backend pods were Ready before the fault.")
    lowest = min(samples, key=count)
    details = (
        ("Ready before the fault", f"{before:g}"),
        ("lowest seen after", f"{lowest.at - window.effect:.1f} s"),
        ("samples", str(len(samples))),
    )
    limit = setting(claim, "sampling_seconds", _SAMPLING_LIMIT_SECONDS)
    times = [window.effect, *(o.at for o in samples), window.until]
    blind = max(later - earlier for earlier, later in pairwise(times))
    if claim.bound.holds(count(lowest)) and blind > limit:
        raise CannotJudge(
            f"Ready pods were not sampled for {blind:.1f} s, at most {limit:g} s allowed: "
            "a fall may have been missed."
        )
    return judge(claim, count(lowest), 0.0, "Fewest Ready backend pods:", details)


@checker
def full_readiness_time(history: History, claim: Claim, window: Window) -> Finding:
    """From the fault's effect until all backend pods are Ready again and stay so, in seconds.

    All means as many as before the fault. The error is the time between the two samples at
    the edge.
    """
    samples, before = _ready(history, window, window.until + HEAL_GRACE_SECONDS)
    below = [index for index, o in enumerate(samples) if count(o) < before]
    if not below:
        raise CannotJudge(
            f"Ready backend pods were never seen under the {before:g} of before the fault: "
            "there was no recovery to time."
        )
    lowest = min(count(samples[index]) for index in below)
    details = (("Ready before the fault", f"{before:g}"), ("fewest Ready", f"{lowest:g}"))
    if below[-1] + 1 == len(samples):
        seen = samples[-1].at - window.effect
        return never(claim, seen, f"Not all {before:g} backend pods were Ready again", details)
    last, restored = samples[below[-1]], samples[below[-1] + 1]
    sentence = f"All {before:g} backend pods were Ready again after"
    value = restored.at - window.effect
    error = restored.at - last.at + window.effect_error
    return judge(claim, value, error, sentence, details)


def _ready(history: History, window: Window, until: float) -> tuple[list[Observation], float]:
    seen = required_observations(history, "ready_backends")
    earlier = [o for o in seen if o.at <= window.effect]
    samples = [o for o in seen if window.effect < o.at <= until]
    if not earlier:
        raise CannotJudge("Ready backend pods were not counted before the fault.")
    if not samples:
        raise CannotJudge("Ready backend pods were not counted after the fault.")
    return samples, count(earlier[-1])


@checker
def evictions_refused(history: History, claim: Claim, window: Window) -> Finding:
    """How many evictions the Eviction API refused with 429 before the fault was healed."""
    seen = required_observations(history, "eviction")
    tried = [o for o in seen if window.begun <= o.at <= window.until]
    if not tried:
        raise CannotJudge("No eviction was tried while the nodes were drained.")
    statuses = Counter(int(number(o, "status")) for o in tried)
    details = tuple((f"answers {status}", str(times)) for status, times in sorted(statuses.items()))
    sentence = f"Of {len(tried)} evictions tried, refused with 429:"
    return judge(claim, float(statuses[429]), 0.0, sentence, details)


@checker
def drain_time(history: History, claim: Claim, window: Window) -> Finding:
    """The longest drain, in seconds; all drains that were started must complete.

    A drain that gave up is refuted where it took longer than the bound, or where it had made
    no progress for ``blocked_seconds``: every eviction refused and no pod becoming Ready,
    which alone could make the budget allow one.
    """
    states = required_observations(history, "drain")
    started = {str(field(o, "node")) for o in states}
    completed = {str(field(o, "node")): o for o in states if field(o, "state") == "completed"}
    wanted = int(setting(claim, "drains", 1))
    if len(started) < wanted:
        raise CannotJudge(f"{len(started)} drains were started, {wanted} needed.")
    details = tuple(
        (f"drain of {node}", f"{number(o, 'seconds'):.1f} s")
        for node, o in sorted(completed.items())
    )
    stuck = sorted(started - set(completed))
    if not stuck:
        longest = max(number(o, "seconds") for o in completed.values())
        sentence = f"{len(completed)} drains completed, the longest in"
        return judge(claim, longest, 0.0, sentence, details)
    blocked = _blocked(history, claim, window, states)
    if blocked is not None:
        measured = Measurement(window.observed, claim.bound.unit, 0.0)
        return Finding(Verdict.REFUTED, blocked, measured, details)
    gave_up = [o for o in states if field(o, "state") == "limit_reached"]
    longest = max((number(o, "seconds") for o in gave_up), default=window.observed)
    return never(claim, longest, f"Drains of {', '.join(stuck)} did not complete", details)


def _blocked(
    history: History, claim: Claim, window: Window, states: Sequence[Observation]
) -> str | None:
    ends = [o.at for o in states if field(o, "state") == "limit_reached"]
    if not ends:
        return None
    seconds = setting(claim, "blocked_seconds", _BLOCKED_SECONDS)
    start = max(ends) - seconds
    tried = [o for o in history.observations("eviction") if start <= o.at <= max(ends)]
    ready = [count(o) for o in history.observations("ready_backends") if start <= o.at <= max(ends)]
    all_refused = len(tried) >= _BLOCKED_ATTEMPTS and all(number(o, "status") == 429 for o in tried)
    none_recovering = bool(ready) and max(ready) <= ready[0]
    if start < window.effect or not all_refused or not none_recovering:
        return None
    return (
        f"A drain gave up without progress: in its last {seconds:g} s all {len(tried)} evictions "
        f"were refused with 429 and no pod became Ready ({ready[0]:g} were), so that the budget "
        f"could allow none; the bound is {claim.bound}."
    )
