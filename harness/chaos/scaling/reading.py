"""Reading the backend's CPU use from the metrics API."""

from __future__ import annotations

from harness.chaos import names
from harness.chaos.kube import Kube, Object
from harness.chaos.pod.reading import cores


def mean_cpu_percent(kube: Kube, request_millicores: float) -> float | None:
    """Return the mean CPU use of the backend's pods in percent of a request; None without data."""
    answer = kube.get(names.POD_METRICS, {"labelSelector": names.BACKEND_SELECTOR})
    return cpu_percent(answer, request_millicores)


def cpu_percent(document: Object, request_millicores: float) -> float | None:
    """Return the mean CPU use that a PodMetrics list shows, in percent of a request."""
    uses = [
        sum(cores(c["usage"]["cpu"]) for c in item.get("containers", []))
        for item in document.get("items", [])
    ]
    if not uses:
        return None
    return round(sum(uses) / len(uses) * 1000 / request_millicores * 100, 1)
