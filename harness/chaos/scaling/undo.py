"""Undo of load: replicas back to where they were; may run again at any time."""

from __future__ import annotations

from typing import Any

from harness import polling
from harness.chaos import names, tools
from harness.errors import ProbeFailed

# Fifteen pods end within preStop (15 s) and their grace period (60 s).
SETTLE_LIMIT_SECONDS = 150.0


def reset(autoscaler: dict[str, Any], replicas: int) -> dict[str, Any]:
    """Set the replicas and give the autoscaler a fresh start.

    An autoscaler keeps its highest recommendation for five minutes and would scale up again at
    once; one that is created anew has none.
    """
    kube = tools.current().kube
    path = f"{names.AUTOSCALERS}/{autoscaler['metadata']['name']}"
    kube.delete(path)
    kube.merge(f"{names.BACKEND_DEPLOYMENT}/scale", {"spec": {"replicas": replicas}})
    polling.wait_until(
        lambda: _count(replicas),
        what=f"{replicas} backend pods",
        limit_seconds=SETTLE_LIMIT_SECONDS,
        interval_seconds=1.0,
        ignore=(ProbeFailed,),
    )
    if kube.find(path) is None:
        kube.create(names.AUTOSCALERS, autoscaler)
    return {"replicas": replicas}


def _count(replicas: int) -> bool:
    answer = tools.current().kube.get(names.PODS, {"labelSelector": names.BACKEND_SELECTOR})
    return len(answer.get("items", [])) == replicas
