"""Load that makes the autoscaler act. WARNING: it saturates the running stack's backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import clock
from harness.chaos import names, workloads
from harness.chaos import session as sessions
from harness.chaos.scaling.reading import mean_cpu_percent
from harness.clients.http import LoadWorkload
from harness.errors import FaultFailed
from harness.model.history import Phase

__all__ = ["begin_load", "end_load", "reset_replicas"]

FAULT = "load"


def begin_load(
    *,
    path: str,
    requests_per_second: float,
    outstanding_max: int,
    duration_seconds_max: float,
    target_percent: float,
    proof_limit_seconds: float,
) -> dict[str, Any]:
    """Begin the load and wait until the pods' own CPU use exceeds the autoscaler's target.

    The proof reads the pods' metrics against the request that they had when the trial began,
    so that it holds even where the autoscaler knows no metric.
    """
    now = sessions.current()
    kube = now.tools.kube
    request = float(now.notes["cpu_request_millicores"])
    autoscaler = kube.get(f"{names.AUTOSCALERS}/{names.BACKEND_HPA}")
    replicas = kube.get(names.BACKEND_DEPLOYMENT)["spec"]["replicas"]
    load = LoadWorkload(
        now.recorder,
        workloads.backend_target(now, path),
        requests_per_second=requests_per_second,
        duration_seconds_max=duration_seconds_max,
        outstanding_max=outstanding_max,
    )
    now.notes["load"] = load
    now.notes["load_undo"] = now.begin(
        FAULT,
        what="load on the backend",
        undo="harness.chaos.scaling.undo:reset",
        arguments={"autoscaler": _plain(autoscaler), "replicas": replicas},
        evidence={"requests_per_second": requests_per_second, "path": path},
    )
    issued_at = clock.monotonic()
    load.start()
    effective_at = clock.monotonic()

    def proof() -> Mapping[str, Any] | None:
        percent = mean_cpu_percent(kube, request)
        now.recorder.observe("cpu_use", {"percent": percent})
        if percent is None or percent <= target_percent:
            return None
        return {"cpu_percent": percent, "target_percent": target_percent}

    now.prove(
        FAULT,
        proof,
        what=f"the backend's CPU use to exceed {target_percent:g} % of its request",
        limit_seconds=proof_limit_seconds,
        issued_at=issued_at,
        effective_at=effective_at,
        interval_seconds=2.0,
    )
    return {"targets": [names.BACKEND]}


def end_load() -> dict[str, Any]:
    """End the load and record that, with how much of it was reached, as healed.

    The replicas are left to the autoscaler: what it does next is judged.
    """
    now = sessions.current()
    load = now.notes.pop("load", None)
    if not isinstance(load, LoadWorkload):
        raise FaultFailed("End of load: expected a load that began, got none.")
    load.stop()
    tally = load.tally
    now.recorder.fault(FAULT, Phase.HEALED, {"sent": tally.sent, "ok": tally.ok})
    return {"targets": [names.BACKEND], "sent": tally.sent, "ok": tally.ok}


def reset_replicas() -> dict[str, Any]:
    """End the load if it still runs and bring the replicas back without waiting for the policy.

    The autoscaler is no longer watched from here on: this is our doing and not its behaviour.
    """
    now = sessions.current()
    now.silence("hpa")
    load = now.notes.pop("load", None)
    if isinstance(load, LoadWorkload):
        load.stop()
    undo = now.notes.get("load_undo")
    if undo is not None:
        now.heal(undo)
    return {"targets": [names.BACKEND]}


def _plain(document: Mapping[str, Any]) -> dict[str, Any]:
    metadata = document["metadata"]
    kept = {k: metadata[k] for k in ("name", "namespace", "labels", "annotations") if k in metadata}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": kept,
        "spec": document["spec"],
    }
