"""Draining nodes: cordon, then evict through the Eviction API until nothing evictable is left."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from harness import clock, polling
from harness.chaos import names
from harness.chaos.kube import Kube, Object
from harness.chaos.node.choice import plan_drain
from harness.chaos.pod.eviction import Next, evict, next_step
from harness.chaos.session import Session
from harness.errors import FaultFailed, ProbeFailed


@dataclass(frozen=True)
class Pace:
    """Seconds between attempts for a refused pod: of the backend, and of all others."""

    backend_retry_seconds: float
    other_retry_seconds: float
    limit_seconds: float


@dataclass
class _Pod:
    namespace: str
    name: str
    uid: str
    next_attempt: float = 0.0
    accepted: bool = False


@dataclass
class DrainResult:
    """How the drain of one node went; ``first_accepted_at`` on the monotonic clock."""

    node: str
    completed: bool = False
    seconds: float = 0.0
    accepted: int = 0
    refused: int = 0
    first_accepted_at: float | None = None
    left: list[str] = field(default_factory=list)


def check(kube: Kube, nodes: list[str], *, allow_empty_dir: bool) -> None:
    """Refuse, before anything is cordoned, a drain that would lose pods.

    Raises FaultFailed with all reasons.
    """
    refused: list[str] = []
    for node in nodes:
        refused += plan_drain(pods_of(kube, node), allow_empty_dir=allow_empty_dir).refused
    if refused:
        raise FaultFailed(f"Drain of {', '.join(nodes)} refused: {'; '.join(refused)}.")


def cordon(kube: Kube, node: str, *, unschedulable: bool) -> None:
    """Set whether pods may be scheduled on a node."""
    kube.merge(f"{names.NODES}/{node}", {"spec": {"unschedulable": unschedulable or None}})


def drain_all(session: Session, nodes: list[str], pace: Pace) -> list[DrainResult]:
    """Drain several nodes at once; returns when each is empty or at the limit.

    A drain that reaches its limit is a finding and raises nothing.
    """
    abort = threading.Event()
    with ThreadPoolExecutor(max_workers=len(nodes), thread_name_prefix="drain") as pool:
        futures = [pool.submit(_drain, session, node, pace, abort) for node in nodes]
        wait(futures, return_when=FIRST_EXCEPTION)
        # Where one failed, the other need not go on to its limit.
        abort.set()
        failures = [f.exception() for f in futures if f.done() and f.exception()]
        if failures and failures[0] is not None:
            raise failures[0]
        return [future.result() for future in futures]


def pods_of(kube: Kube, node: str) -> list[Object]:
    """Return all pods of a node."""
    answer = kube.get("/api/v1/pods", {"fieldSelector": f"spec.nodeName={node}"})
    items: list[Object] = answer.get("items", [])
    return items


def _drain(session: Session, node: str, pace: Pace, abort: threading.Event) -> DrainResult:
    kube = session.tools.kube
    started = clock.monotonic()
    result = DrainResult(node)
    session.recorder.observe("drain", {"node": node, "state": "started", "seconds": 0.0})
    known: dict[str, _Pod] = {}
    listed_at = 0.0
    while True:
        now = clock.monotonic()
        # The list changes within seconds; reading it at every fast retry would only load the API.
        if now - listed_at >= 1.0:
            known = _refresh(kube, node, known)
            listed_at = now
        result.completed = not known
        result.seconds = round(clock.monotonic() - started, 3)
        if result.completed or result.seconds >= pace.limit_seconds:
            break
        for pod in known.values():
            if not pod.accepted and clock.monotonic() >= pod.next_attempt:
                _attempt(session, pod, pace, result)
        if polling.pause(pace.backend_retry_seconds, stop=session.stop):
            raise FaultFailed(f"Drain of {node} was stopped with {len(known)} pod(s) left.")
        if abort.is_set():
            raise FaultFailed(f"Drain of {node} was given up because another drain failed.")
    result.left = sorted(pod.name for pod in known.values())
    state = "completed" if result.completed else "limit_reached"
    session.recorder.observe(
        "drain", {"node": node, "state": state, "seconds": result.seconds, "left": result.left}
    )
    return result


def _refresh(kube: Kube, node: str, known: dict[str, _Pod]) -> dict[str, _Pod]:
    try:
        pods = pods_of(kube, node)
    except ProbeFailed:
        return known
    plan = plan_drain(pods, allow_empty_dir=True)
    wanted = set(plan.evict)
    found = {}
    for document in pods:
        metadata = document["metadata"]
        key = (metadata["namespace"], metadata["name"])
        if key in wanted:
            uid = metadata["uid"]
            found[uid] = known.get(uid) or _Pod(*key, uid)
    return found


def _attempt(session: Session, pod: _Pod, pace: Pace, result: DrainResult) -> None:
    node, kube = result.node, session.tools.kube
    backend = pod.name.startswith(f"{names.BACKEND}-")
    retry = pace.backend_retry_seconds if backend else pace.other_retry_seconds
    pod.next_attempt = clock.monotonic() + retry
    try:
        answer = evict(session, kube, namespace=pod.namespace, pod=pod.name, node=node)
    except ProbeFailed as error:
        session.recorder.observe("eviction_error", {"pod": pod.name, "error": str(error)})
        return
    match next_step(answer.status):
        case Next.DONE:
            pod.accepted = True
            result.accepted += 1
            if backend and result.first_accepted_at is None and answer.status != 404:
                result.first_accepted_at = clock.monotonic()
        case Next.RETRY:
            result.refused += 1
        case Next.FAIL:
            raise FaultFailed(
                f"Eviction of {pod.namespace}/{pod.name}: expected 201 or 429, got HTTP "
                f"{answer.status}: {answer.body.get('message', 'no message')}."
            )
