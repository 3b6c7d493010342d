"""Undos of faults on pods; each may run again at any time."""

from __future__ import annotations

from typing import Any

from harness import polling
from harness.chaos import names, tools
from harness.chaos.pod import reading
from harness.errors import ProbeFailed


def await_serving(limit_seconds: float) -> dict[str, Any]:
    """Wait until every wanted backend replica serves; the kubelet restarts what was killed."""
    kube = tools.current().kube

    def serving() -> int | None:
        wanted = kube.get(names.BACKEND_DEPLOYMENT)["spec"].get("replicas", 1)
        count = sum(pod.serves for pod in reading.backend_pods(kube))
        return count if count >= wanted else None

    count = polling.wait_until(
        serving,
        what="all backend replicas to serve",
        limit_seconds=limit_seconds,
        interval_seconds=1.0,
        ignore=(ProbeFailed,),
        hint="kubectl -n smart-dairy-prod describe pods",
    )
    return {"serving": count}
