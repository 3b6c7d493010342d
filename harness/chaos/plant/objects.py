"""Setting a cluster object back to exactly what it was; may run again at any time."""

from __future__ import annotations

from typing import Any

from harness import polling
from harness.chaos import tools
from harness.chaos.kube import Kube, Object
from harness.chaos.pod import reading
from harness.errors import ProbeFailed

# Five pods in two waves (surge 2, unavailable 1): each 10 s to schedule and start, 30 s initial
# delay, up to 10 s to the next readiness probe; then 15 s preStop. Doubled for a busy host.
ROLLOUT_LIMIT_SECONDS = 300.0
# The API refuses a write that raced with a controller's; the next one reads again.
RESTORE_LIMIT_SECONDS = 60.0

_OF_THE_SERVER = (
    "resourceVersion",
    "uid",
    "creationTimestamp",
    "generation",
    "managedFields",
    "selfLink",
)
# Written by the deployment controller with each rollout; it belongs to the live object.
_REVISION = "deployment.kubernetes.io/revision"


def plain(document: Object) -> Object:
    """Return an object without what only the server may set."""
    metadata = {k: v for k, v in document["metadata"].items() if k not in _OF_THE_SERVER}
    return {
        **{k: v for k, v in document.items() if k not in ("metadata", "status")},
        "metadata": metadata,
    }


def merged(original: Object, live: Object) -> Object | None:
    """Return what must be written to make ``live`` the original again; None when it is.

    The replicas of a scaled object and the revision of its rollout stay as they are.
    """
    wanted: Object = {**original, "metadata": dict(original["metadata"])}
    if "replicas" in live.get("spec", {}):
        wanted["spec"] = {**original["spec"], "replicas": live["spec"]["replicas"]}
    annotations = dict(original["metadata"].get("annotations") or {})
    revision = (live["metadata"].get("annotations") or {}).get(_REVISION)
    if revision is not None:
        annotations[_REVISION] = revision
    if annotations:
        wanted["metadata"]["annotations"] = annotations
    current = plain(live)
    content = [key for key in {*wanted, *current} if key != "metadata"]
    same = all(wanted.get(key) == current.get(key) for key in content) and all(
        (wanted["metadata"].get(key) or {}) == (current["metadata"].get(key) or {})
        for key in ("labels", "annotations")
    )
    if same:
        return None
    wanted["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
    return wanted


def restore(path: str, original: dict[str, Any], rollout: bool) -> dict[str, Any]:
    """Set the object at ``path`` back, creating it anew where it is gone."""
    kube = tools.current().kube
    polling.wait_until(
        lambda: _restored(kube, path, original),
        what=f"{path} to be as it was",
        limit_seconds=RESTORE_LIMIT_SECONDS,
        interval_seconds=0.5,
        ignore=(ProbeFailed,),
    )
    if rollout:
        polling.wait_until(
            lambda: reading.rolled_out(kube.get(path)),
            what=f"the rollout of {path}",
            limit_seconds=ROLLOUT_LIMIT_SECONDS,
            interval_seconds=1.0,
            ignore=(ProbeFailed,),
            hint="kubectl -n smart-dairy-prod get pods",
        )
    return {"object": path}


def scale(path: str, replicas: int) -> dict[str, Any]:
    """Set the replicas of a Deployment and wait until all are available."""
    kube = tools.current().kube
    kube.merge(f"{path}/scale", {"spec": {"replicas": replicas}})
    polling.wait_until(
        lambda: reading.rolled_out(kube.get(path)),
        what=f"{replicas} replicas of {path}",
        limit_seconds=ROLLOUT_LIMIT_SECONDS,
        interval_seconds=1.0,
        ignore=(ProbeFailed,),
    )
    return {"object": path, "replicas": replicas}


def _restored(kube: Kube, path: str, original: Object) -> bool:
    live = kube.find(path)
    if live is None:
        kube.create(path.rpartition("/")[0], original)
        return True
    wanted = merged(original, live)
    if wanted is not None:
        kube.replace(path, wanted)
    return True
