"""The even spread of the backend pods, which a drain or a lost node leaves crowded."""

from __future__ import annotations

from collections.abc import Callable

from harness import polling
from harness.chaos import names, tools
from harness.chaos.kube import Answer, Kube
from harness.chaos.pod import reading
from harness.chaos.pod.choice import surplus
from harness.chaos.pod.eviction import Next, next_step, request_eviction
from harness.chaos.pod.reading import BackendPod
from harness.errors import FaultFailed, ProbeFailed
from harness.stack import layout

Evict = Callable[[BackendPod], Answer]

# Five pods, two at a time under the budget, each Ready about 45 s after its start.
SETTLE_LIMIT_SECONDS = 300.0


def step(kube: Kube, evict: Evict) -> tuple[bool, list[str]]:
    """Evict what is above the even share; return whether nothing is, and what was evicted.

    Goes through the Eviction API, so the budget is kept; does nothing while a pod is not Ready.
    Raises FaultFailed when an eviction is neither accepted nor refused by the budget.
    """
    pods = reading.backend_pods(kube)
    if any(not pod.serves for pod in pods if pod.phase not in ("Failed", "Succeeded")):
        return False, []
    crowd = surplus(reading.serving_by_node(pods), ready_application_nodes(kube))
    moved = []
    for pod in crowd:
        answer = evict(pod)
        if next_step(answer.status) is Next.FAIL:
            raise FaultFailed(
                f"Eviction of {pod.name}: expected 201 or 429, got HTTP {answer.status}."
            )
        if next_step(answer.status) is Next.DONE:
            moved.append(pod.name)
    return not crowd, moved


def settle(report: Callable[[str], None]) -> None:
    """Bring the pods into even spread outside a trial, before the next one or after a crash."""
    kube = tools.current().kube

    def evict(pod: BackendPod) -> Answer:
        report(f"applications: moving {pod.name} away from crowded {pod.node}")
        return request_eviction(kube, layout.NAMESPACE, pod.name)

    polling.wait_until(
        lambda: step(kube, evict)[0],
        what="backend pods Ready and spread evenly over the application nodes",
        limit_seconds=SETTLE_LIMIT_SECONDS,
        interval_seconds=2.0,
        ignore=(ProbeFailed,),
        hint="kubectl -n smart-dairy-prod get pods -o wide",
    )


def ready_application_nodes(kube: Kube) -> list[str]:
    """Return the names of schedulable, Ready application nodes."""
    answer = kube.get(names.NODES, {"labelSelector": names.APPLICATION_NODES})
    return sorted(
        item["metadata"]["name"]
        for item in answer.get("items", [])
        if reading.condition(item, "Ready") == "True"
        and not item.get("spec", {}).get("unschedulable")
    )
