"""The clocks of a lost node: NotReady, endpoints gone, replacements created and Ready."""

from __future__ import annotations

from dataclasses import dataclass

from harness.checkers.evidence import (
    WATCH_DELAY_SECONDS,
    CannotJudge,
    Window,
    boolean,
    checker,
    field,
    judge,
    never,
    required_observations,
    under_test,
)
from harness.model.claim import Claim
from harness.model.finding import Finding
from harness.model.history import History


@dataclass(frozen=True)
class _Clocks:
    """What happened after a node was lost, each in seconds after the fault's effect."""

    node: str
    pods: int
    not_ready: float | None
    endpoints_gone: float | None
    created: float | None
    ready: float | None

    @property
    def details(self) -> tuple[tuple[str, str], ...]:
        return (
            ("node", self.node),
            ("backend pods on it", str(self.pods)),
            ("NotReady after", _seconds(self.not_ready)),
            ("endpoints removed after", _seconds(self.endpoints_gone)),
            ("replacements created after", _seconds(self.created)),
            ("replacements Ready after", _seconds(self.ready)),
        )


def _seconds(value: float | None) -> str:
    return "not seen" if value is None else f"{value:.1f} s"


@checker
def node_not_ready_time(history: History, claim: Claim, window: Window) -> Finding:
    """From the fault's effect until the node is NotReady, in seconds."""
    clocks = _clocks(history, window)
    what = f"Node {clocks.node} became NotReady"
    return _judge_clock(claim, window, clocks, clocks.not_ready, what)


@checker
def endpoint_removal_time(history: History, claim: Claim, window: Window) -> Finding:
    """From the fault's effect until no endpoint of the node is ready, in seconds."""
    required_observations(history, "endpoint")
    clocks = _clocks(history, window)
    what = f"All endpoints on {clocks.node} were removed"
    return _judge_clock(claim, window, clocks, clocks.endpoints_gone, what)


@checker
def replacement_after_not_ready(history: History, claim: Claim, window: Window) -> Finding:
    """From NotReady until each of the node's backend pods has a replacement, in seconds."""
    clocks = _clocks(history, window)
    if clocks.not_ready is None:
        raise CannotJudge(
            f"Node {clocks.node} was not seen NotReady within the {window.observed:.1f} s observed."
        )
    if clocks.created is None:
        awaited = window.observed - clocks.not_ready
        what = f"{clocks.pods} replacements on other nodes were not created after NotReady"
        return never(claim, awaited, what, clocks.details)
    value = max(0.0, clocks.created - clocks.not_ready)
    sentence = f"{clocks.pods} replacements were created after NotReady by"
    return judge(claim, value, 2 * WATCH_DELAY_SECONDS, sentence, clocks.details)


@checker
def replacement_ready_time(history: History, claim: Claim, window: Window) -> Finding:
    """From the fault's effect until all replacements are Ready, in seconds."""
    clocks = _clocks(history, window)
    what = f"{clocks.pods} replacements were Ready"
    return _judge_clock(claim, window, clocks, clocks.ready, what)


def _judge_clock(
    claim: Claim, window: Window, clocks: _Clocks, value: float | None, what: str
) -> Finding:
    if value is None:
        return never(claim, window.observed, f"Not seen: {what}", clocks.details)
    return judge(claim, value, WATCH_DELAY_SECONDS, f"{what} after", clocks.details)


def _clocks(history: History, window: Window) -> _Clocks:
    not_ready = [
        o
        for o in required_observations(history, "node_ready")
        if window.effect < o.at <= window.until and not boolean(o, "ready")
    ]
    node = _lost_node(history)
    if node is None:
        if not not_ready:
            raise CannotJudge("The fault does not name its node and no node became NotReady.")
        node = str(field(not_ready[0], "node"))
    own = [o.at - window.effect for o in not_ready if field(o, "node") == node]
    pods, new = _pods(history, window, node)
    if pods == 0:
        raise CannotJudge(f"No backend pod ran on {node} when it was lost.")
    created = sorted(at for at, _ in new.values())
    ready = sorted(at for _, at in new.values() if at is not None)
    return _Clocks(
        node=node,
        pods=pods,
        not_ready=min(own, default=None),
        endpoints_gone=_endpoints_gone(history, window, node),
        created=created[pods - 1] if len(created) >= pods else None,
        ready=ready[pods - 1] if len(ready) >= pods else None,
    )


def _lost_node(history: History) -> str | None:
    named = [f.evidence["node"] for f in under_test(history) if "node" in f.evidence]
    return str(named[0]) if named else None


def _pods(
    history: History, window: Window, node: str
) -> tuple[int, dict[str, tuple[float, float | None]]]:
    # Returns how many pods the node carried, and each new pod's times of creation and Ready.
    places: dict[str, str | None] = {}
    new: dict[str, tuple[float, float | None]] = {}
    for o in required_observations(history, "backend_pod"):
        if o.at > window.until:
            break
        uid = str(field(o, "uid"))
        gone = boolean(o, "deleting") or field(o, "phase") in ("Deleted", "Succeeded", "Failed")
        if o.at <= window.effect:
            places[uid] = None if gone else str(field(o, "node"))
        elif uid not in places:
            since = o.at - window.effect
            created, ready = new.get(uid, (since, None))
            if ready is None and boolean(o, "ready"):
                ready = since
            new[uid] = (created, ready)
    return sum(1 for place in places.values() if place == node), new


def _endpoints_gone(history: History, window: Window, node: str) -> float | None:
    serving: set[str] = set()
    gone: float | None = None
    for o in history.observations("endpoint"):
        if o.at > window.until:
            break
        if field(o, "node") != node:
            continue
        pod, ready = str(field(o, "pod")), boolean(o, "ready")
        if ready:
            serving.add(pod)
        elif pod in serving:
            serving.discard(pod)
            if o.at > window.effect:
                gone = o.at - window.effect
    return gone if not serving else None
