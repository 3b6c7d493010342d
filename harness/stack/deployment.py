"""The document's Kubernetes objects in the cluster: rendered, applied, and served to a client.

What the emulation overlay changes against production is computed from the two renders and
matched with the reasons in ``DIFFERENCES.yaml``; a change without a reason is an error.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from harness import command
from harness.errors import CommandFailed, EnvironmentUnavailable, InputInvalid
from harness.polling import wait_until
from harness.stack import layout
from harness.stack.context import Context
from harness.stack.credentials import Credentials
from harness.stack.differences import Difference, explain
from harness.stack.folders import INFRA, folders
from harness.stack.layout import Layout

OVERLAYS = INFRA / "kubernetes" / "overlays"
EMULATION = "emulation"
PRODUCTION = "production"
FIELD_MANAGER = "smart-dairy-harness"
IMAGE = "backend"
# The name and tag that the emulation overlay gives to every application.
OVERLAY_IMAGE = "smart-dairy-harness/backend:local"

RENDER_LIMIT_SECONDS = 60
APPLY_LIMIT_SECONDS = 120
REQUEST_LIMIT_SECONDS = 5
# 10 s until the stand-in listens, 30 s until it is asked, 10 s between two questions; starting
# eleven containers at once on two busy cores took as long again.
AVAILABLE_LIMIT_SECONDS = 300


class _NotYet(Exception):
    """Says what is still missing; quoted when the wait reaches its limit."""


def render(
    overlay: str, addresses: Layout | None = None, images: Mapping[str, str] | None = None
) -> str:
    """Return an overlay's objects as YAML, at the layout's addresses, with the built image.

    Raises InputInvalid when there is no such overlay or kustomize refuses it.
    """
    folder = OVERLAYS / overlay
    if not (folder / "kustomization.yaml").is_file():
        known = ", ".join(sorted(path.name for path in OVERLAYS.iterdir() if path.is_dir()))
        raise InputInvalid(f"{folder}: expected an overlay ({known}), got {overlay!r}")
    done = command.run(
        [_program(), "kustomize", folder], limit_seconds=RENDER_LIMIT_SECONDS, check=False
    )
    if done.returncode != 0:
        raise InputInvalid(f"{folder}: kustomize refused the overlay: {done.stderr.strip()}")
    text = done.stdout
    if images is not None:
        text = text.replace(OVERLAY_IMAGE, images[IMAGE])
    return (addresses or Layout()).translate(text)


def digest_of_render(
    overlay: str = EMULATION,
    addresses: Layout | None = None,
    images: Mapping[str, str] | None = None,
) -> str:
    """Return the SHA-256 of an overlay's render, which names what was deployed."""
    return "sha256:" + hashlib.sha256(render(overlay, addresses, images).encode()).hexdigest()


def differences(addresses: Layout | None = None) -> list[Difference]:
    """Return what the emulation overlay changes against production, with reasons.

    Raises InputInvalid when a field differs without a reason or a reason matches no field.
    """
    found = explain(
        render(PRODUCTION), render(EMULATION), path=OVERLAYS / EMULATION / "DIFFERENCES.yaml"
    )
    if addresses is not None and addresses.prefix != layout.DOCUMENT_PREFIX:
        found.append(
            Difference(
                what="Range of the VPC",
                production=Layout().cidr,
                emulation=addresses.cidr,
                why="this host uses the document's range; every address moves alike",
                weakens=(),
                fields=(),
            )
        )
    return found


def deploy(context: Context) -> None:
    """Apply the emulation overlay and return when a client is served by all its pods.

    Raises LimitExceeded with what is missing, CommandFailed when an object is refused.
    """
    text = render(EMULATION, context.layout, context.images)
    first = [d for d in _documents(text) if d["kind"] == "Namespace"]
    context.report(f"applications: applying {len(_documents(text))} objects")
    _apply(context, yaml.safe_dump_all([*first, *private_objects(context.credentials)]))
    _apply(context, text)
    wait_available(context)


def readiness_delay_seconds() -> float:
    """Return the initial delay of the backend's readiness probe, before which nothing serves."""
    for document in _documents(render(EMULATION)):
        if document["kind"] == "Deployment" and document["metadata"]["name"] == "odoo-backend":
            (container,) = document["spec"]["template"]["spec"]["containers"]
            return float(container["readinessProbe"]["initialDelaySeconds"])
    raise InputInvalid(f"{OVERLAYS / EMULATION}: expected Deployment odoo-backend, got none")


def private_objects(credentials: Credentials) -> list[dict[str, Any]]:
    """Return the Secret and the CA's ConfigMap, which come from the stack's credentials."""
    passwords = {
        "PASSWORD": credentials.database_application,
        "REDIS_AUTH_TOKEN": credentials.cache_auth_token,
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "odoo-secrets", "namespace": layout.NAMESPACE},
            "type": "Opaque",
            "data": {k: base64.b64encode(v.encode()).decode() for k, v in passwords.items()},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "tls-ca", "namespace": layout.NAMESPACE},
            "data": {"ca.crt": credentials.ca.read_text()},
        },
    ]


def wait_available(context: Context, limit_seconds: float = AVAILABLE_LIMIT_SECONDS) -> None:
    """Wait until every Deployment has all its pods Ready and the harness's client gets a 200."""
    seen: list[str] = []

    def observe() -> bool:
        answer = json.loads(
            _kubectl(context, ["get", "deployments", "-n", layout.NAMESPACE, "-o", "json"])
        )
        state, complete = readiness(answer["items"])
        if seen[-1:] != [state]:
            seen.append(state)
            context.report(f"applications: {state}")
        if not complete:
            raise _NotYet(state)
        return _served(client_url(context.layout))

    wait_until(
        observe,
        what="the applications to serve",
        limit_seconds=limit_seconds,
        interval_seconds=2.0,
        hint=f"kubectl --kubeconfig {context.folders.kubeconfig} --context {layout.CONTEXT} "
        f"-n {layout.NAMESPACE} describe pods",
        # The API server may be busy with the start of everything else.
        ignore=(_NotYet, CommandFailed),
    )


def client_url(addresses: Layout) -> str:
    """Return the URL at which the harness's own client reaches the backend's Service."""
    return f"http://{addresses.address(layout.CONTROL_PLANE)}:{layout.BACKEND_NODE_PORT}"


def readiness(deployments: list[dict[str, Any]]) -> tuple[str, bool]:
    """Return one line such as ``odoo-backend 3/5`` for all, and whether all are complete."""
    words = []
    complete = bool(deployments)
    for item in sorted(deployments, key=lambda item: str(item["metadata"]["name"])):
        wanted = item["spec"].get("replicas", 1)
        status = item.get("status", {})
        ready = status.get("readyReplicas", 0)
        words.append(f"{item['metadata']['name']} {ready}/{wanted}")
        complete = complete and (
            status.get("observedGeneration", 0) >= item["metadata"]["generation"]
            and status.get("updatedReplicas", 0) >= wanted
            and ready >= wanted
        )
    return ", ".join(words) or "no Deployment yet", complete


def _served(url: str) -> bool:
    # No proxy of the host may stand between the client and the cluster.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/web/health", timeout=REQUEST_LIMIT_SECONDS) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError) as error:
        raise _NotYet(f"all pods are Ready, but {url}/web/health: {error}") from error


def _apply(context: Context, text: str) -> None:
    # The autoscaler owns `replicas` after its first step; a new `up` begins with the document's.
    _kubectl(
        context,
        ["apply", "--server-side", "--force-conflicts", f"--field-manager={FIELD_MANAGER}", "-f-"],
        limit_seconds=APPLY_LIMIT_SECONDS,
        stdin=text,
    )


def _kubectl(
    context: Context, arguments: list[str], *, limit_seconds: float = 30, stdin: str | None = None
) -> str:
    """Run kubectl against the harness's own cluster, never another."""
    cluster = ("--kubeconfig", context.folders.kubeconfig, "--context", layout.CONTEXT)
    return command.run(
        [_program(), *cluster, *arguments],
        limit_seconds=limit_seconds,
        stdin=stdin,
    ).stdout


def find_kubectl() -> Path | None:
    """Return the kubectl that the harness built, else the one on PATH, else None."""
    built = folders().bin / "kubectl"
    if built.exists():
        return built
    found = shutil.which("kubectl")
    return Path(found) if found is not None else None


def _program() -> Path:
    found = find_kubectl()
    if found is None:
        raise EnvironmentUnavailable(
            f"kubectl was found neither at {folders().bin / 'kubectl'} nor on PATH. "
            "Next step: python -m harness up (builds it), or install kubectl."
        )
    return found


def _documents(text: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(text) if document]
