"""The kind cluster that stands for EKS: nodes at fixed addresses in their zones.

kind itself offers no way to give a node its address, so it is started with a ``docker`` of ours
first on PATH that adds ``--ip`` and the run's labels to ``docker run`` and hands everything else
over unchanged.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import docker.errors
import yaml

from harness import command, safety
from harness.errors import EnvironmentUnavailable
from harness.polling import wait_until
from harness.stack import cni, gotools, layout
from harness.stack.containers import find, resume
from harness.stack.context import Context
from harness.stack.folders import INFRA
from harness.stack.layout import Layout
from harness.stack.status import PartStatus

PART = "cluster"
NODES = (layout.CONTROL_PLANE, *layout.WORKERS, layout.DATABASE_WORKER)
MANIFESTS = INFRA / "kubernetes" / "cluster"

# Five nodes took 65 s on a busy 2-core machine; a cold disk may need several times that.
CREATE_LIMIT_SECONDS = 420
READY_LIMIT_SECONDS = 240
API_LIMIT_SECONDS = 60


def up(context: Context) -> None:
    """Bring the cluster up and wait until nodes, DNS, policies and metrics serve."""
    state = _state(context)
    if state == "partial":
        context.report("cluster: incomplete, made anew")
        down(context)
        state = "absent"
    if state == "absent":
        _create(context)
    resume(context, NODES)
    wait_until(
        lambda: _api_answers(context),
        what="the Kubernetes API to answer",
        limit_seconds=API_LIMIT_SECONDS,
        hint=f"docker logs {layout.CONTROL_PLANE}",
    )
    safety.refuse_foreign_cluster(context.folders.kubeconfig)
    # Before pods can start, so that cluster DNS begins with its final configuration.
    _apply_system(context)
    cni.configure(context, NODES)
    wait_until(
        lambda: _nodes_ready(context),
        what=f"{len(NODES)} nodes to be Ready",
        limit_seconds=READY_LIMIT_SECONDS,
        hint=f"kubectl --kubeconfig {context.folders.kubeconfig} describe nodes",
    )
    context.report(f"cluster: {len(NODES)} nodes Ready")


def wait_system(context: Context) -> None:
    """Wait until cluster DNS, the policy agent and metrics-server serve."""
    for kind_name in ("deployment/coredns", "daemonset/policy-agent", "deployment/metrics-server"):
        kubectl(
            context,
            ["-n", "kube-system", "rollout", "status", kind_name]
            + [f"--timeout={READY_LIMIT_SECONDS}s"],
            limit_seconds=READY_LIMIT_SECONDS + 10,
        )


def down(context: Context) -> None:
    """Delete the cluster with all its nodes and their volumes."""
    command.run(
        [str(gotools.kind(context.folders, context.report)), "delete", "cluster"]
        + ["--name", layout.CLUSTER, "--kubeconfig", str(context.folders.kubeconfig)],
        limit_seconds=120,
        environment=_environment(context),
    )
    context.folders.kubeconfig.unlink(missing_ok=True)


def status(context: Context) -> list[PartStatus]:
    """Return one row for each node."""
    ready = _ready_nodes(context)
    rows = []
    for name in NODES:
        container = find(context, name)
        if container is None:
            state = "absent"
        elif container.status != "running":
            state = container.status
        else:
            state = "Ready" if name in ready else "not Ready"
        rows.append(
            PartStatus(
                part=PART,
                name=name,
                zone=context.layout.zone(name) or "provider",
                role="control plane" if name == layout.CONTROL_PLANE else "node",
                state=state,
                endpoint=context.layout.address(name),
            )
        )
    return rows


def kubectl(
    context: Context, arguments: list[str], *, limit_seconds: float = 60, stdin: str | None = None
) -> str:
    """Run kubectl against the harness's own cluster, never another, and return its output."""
    return command.run(
        [str(gotools.kubectl(context.folders, context.report))]
        + ["--kubeconfig", str(context.folders.kubeconfig), "--context", layout.CONTEXT]
        + arguments,
        limit_seconds=limit_seconds,
        stdin=stdin,
    ).stdout


def configuration(addresses: Layout) -> str:
    """Return the kind configuration: zones, roles and taints as the document's node groups."""
    nodes: list[dict[str, object]] = [{"role": "control-plane"}]
    for name in layout.WORKERS:
        labels = {
            "role": "application",
            "environment": "production",
            "topology.kubernetes.io/region": layout.REGION,
            "topology.kubernetes.io/zone": str(addresses.zone(name)),
            "node.kubernetes.io/instance-type": "t3.xlarge",
        }
        nodes.append({"role": "worker", "labels": labels})
    taint = {"key": "dedicated", "value": "database", "effect": "NoSchedule"}
    join = {"kind": "JoinConfiguration", "nodeRegistration": {"taints": [taint]}}
    nodes.append(
        {
            "role": "worker",
            "labels": {
                "role": "database",
                "topology.kubernetes.io/region": layout.REGION,
                "topology.kubernetes.io/zone": str(addresses.zone(layout.DATABASE_WORKER)),
                "node.kubernetes.io/instance-type": "r6i.xlarge",
            },
            "kubeadmConfigPatches": [yaml.safe_dump(join)],
        }
    )
    document = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": layout.CLUSTER,
        "networking": {"disableDefaultCNI": True, "apiServerAddress": "127.0.0.1"},
        "nodes": nodes,
    }
    return yaml.safe_dump(document, sort_keys=False)


def docker_wrapper(addresses: Layout, run: str, docker_program: str) -> str:
    """Return the ``docker`` program that gives each node its address and labels."""
    cases = "\n".join(
        f'    {name}) extra="--ip {addresses.address(name)} '
        f'--label {layout.ZONE_LABEL}={addresses.zone(name) or "provider"}" ;;'
        for name in NODES
    )
    return f"""#!/bin/sh
# Adds the fixed address and the labels of this stack to kind's "docker run".
[ "$1" = run ] || exec {docker_program} "$@"
extra=""
previous=""
for word in "$@"; do
  if [ "$previous" = --name ]; then
    case "$word" in
{cases}
    esac
  fi
  previous="$word"
done
shift
exec {docker_program} run $extra \\
  --label {layout.STACK_LABEL}=smart-dairy --label {layout.RUN_LABEL}={run} \\
  --label {layout.PART_LABEL}={PART} "$@"
"""


def _create(context: Context) -> None:
    context.report(f"cluster: creating {len(NODES)} nodes with kind (expected 60 to 90 s)")
    folder = context.folders.state / "kind"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(configuration(context.layout))
    program = shutil.which("docker")
    if program is None:
        raise EnvironmentUnavailable(
            "The docker program was not found on PATH; kind needs it. "
            "Next step: install the Docker command line (Debian package docker.io or docker-cli)."
        )
    wrapper = folder / "bin" / "docker"
    wrapper.parent.mkdir(exist_ok=True)
    wrapper.write_text(docker_wrapper(context.layout, context.run, program))
    wrapper.chmod(0o755)
    command.run(
        [str(gotools.kind(context.folders, context.report)), "create", "cluster"]
        + ["--config", str(folder / "config.yaml"), "--image", context.images["node"]]
        + ["--kubeconfig", str(context.folders.kubeconfig), "--retain"],
        limit_seconds=CREATE_LIMIT_SECONDS,
        environment=_environment(context, wrapper.parent),
        log=_log(context),
    )


def _environment(context: Context, first: Path | None = None) -> dict[str, str]:
    path = os.environ.get("PATH", "/usr/bin:/bin")
    return {
        "KIND_EXPERIMENTAL_DOCKER_NETWORK": layout.NETWORK,
        "KIND_EXPERIMENTAL_PROVIDER": "docker",
        "KUBECONFIG": str(context.folders.kubeconfig),
        "PATH": f"{first}:{path}" if first else path,
    }


def _log(context: Context) -> Path:
    folder = context.folders.cache / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "kind.log"


def _state(context: Context) -> str:
    containers = [find(context, name) for name in NODES]
    if all(container is None for container in containers):
        return "absent"
    if any(container is None for container in containers):
        return "partial"
    if not context.folders.kubeconfig.exists():
        return "partial"
    wanted = context.engine.images.get(context.images["node"]).id
    images = {c.image.id for c in containers if c is not None and c.image is not None}
    return "present" if images == {wanted} else "partial"


def _api_answers(context: Context) -> bool:
    answer = command.run(
        [str(gotools.kubectl(context.folders, context.report))]
        + ["--kubeconfig", str(context.folders.kubeconfig), "--context", layout.CONTEXT]
        + ["get", "--raw", "/readyz", "--request-timeout=5s"],
        limit_seconds=15,
        check=False,
    )
    return answer.returncode == 0


def _apply_system(context: Context) -> None:
    documents = []
    for path in sorted(MANIFESTS.glob("*.yaml")):
        text = path.read_text()
        for name, reference in context.images.items():
            text = text.replace(f"{{{{image:{name}}}}}", reference)
        documents.append(text.replace("{{resolver}}", context.layout.address(layout.RESOLVER)))
    kubectl(
        context,
        ["apply", "--server-side", "--force-conflicts", "-f", "-"],
        stdin="\n---\n".join(documents),
    )


def _ready_nodes(context: Context) -> set[str]:
    template = (
        '{range .items[*]}{.metadata.name}={range .status.conditions[?(@.type=="Ready")]}'
        '{.status}{end}{"\\n"}{end}'
    )
    try:
        text = kubectl(context, ["get", "nodes", "-o", f"jsonpath={template}"], limit_seconds=20)
    except (EnvironmentUnavailable, docker.errors.DockerException):
        return set()
    return {line.split("=")[0] for line in text.splitlines() if line.endswith("=True")}


def _nodes_ready(context: Context) -> bool:
    return _ready_nodes(context) >= set(NODES)
