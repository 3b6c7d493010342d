"""Evicting one pod through the Eviction API, with every attempt recorded."""

from __future__ import annotations

from enum import StrEnum

from harness.chaos import names
from harness.chaos.kube import Answer, Kube
from harness.chaos.session import Session


class Next(StrEnum):
    """What an eviction's answer asks for."""

    DONE = "done"
    RETRY = "retry"
    FAIL = "fail"


def next_step(status: int) -> Next:
    """Decide from the HTTP status of an eviction.

    429 is a disruption budget at work. 500 is a misconfiguration (two budgets on one pod) that
    a person may mend while the drain waits, as with kubectl's own retries.
    """
    if status in (200, 201, 404):
        return Next.DONE
    if status in (409, 429, 500, 503):
        return Next.RETRY
    return Next.FAIL


def reason(answer: Answer) -> str:
    """Return why the API answered as it did, ``DisruptionBudget`` where a budget refused."""
    causes = (answer.body.get("details") or {}).get("causes") or []
    for cause in causes:
        if cause.get("reason"):
            return str(cause["reason"])
    return str(answer.body.get("reason") or answer.body.get("status") or "")


def evict(session: Session, kube: Kube, *, namespace: str, pod: str, node: str) -> Answer:
    """Ask once for a pod's eviction and record the answer.

    Pods of the backend are recorded as ``eviction``, the others of a node as
    ``eviction_other``, because claims speak of the backend's budget only.
    """
    answer = request_eviction(kube, namespace, pod)
    ours = pod.startswith(f"{names.BACKEND}-") and names.PODS.endswith(f"/{namespace}/pods")
    session.recorder.observe(
        "eviction" if ours else "eviction_other",
        {"pod": pod, "node": node, "status": answer.status, "reason": reason(answer)},
    )
    return answer


def request_eviction(kube: Kube, namespace: str, pod: str) -> Answer:
    """Ask the Eviction API (policy/v1) once for a pod's eviction."""
    return kube.request(
        "POST",
        f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction",
        body={
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": namespace},
        },
    )
