"""Kubernetes objects out of a folder: rendered by kustomize where it says so, else as they stand.

An object of a render is shown at the file and line it came from, as far as kustomize left it
findable (kind and name); what a patch or generator added is shown at the object's own line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness import command
from harness.audit import kustomization, shapes
from harness.audit.inventory import Inventory
from harness.audit.resource import Domain, NotJudged, Place, Resource
from harness.audit.resource import Path as FieldPath
from harness.documents.lined import Document, read_file, read_text
from harness.errors import EnvironmentUnavailable, HarnessError

RENDER_LIMIT_SECONDS = 60
OBJECTS_MAX = 100_000
# Kinds that some rule reads, or that hold nothing to judge.
JUDGED = frozenset(
    """
    ConfigMap CronJob DaemonSet Deployment HorizontalPodAutoscaler Ingress IngressClass Job
    LimitRange Namespace NetworkPolicy PersistentVolumeClaim Pod PodDisruptionBudget ReplicaSet
    ResourceQuota Role RoleBinding Secret Service ServiceAccount StatefulSet StorageClass
    ExternalSecret PrometheusRule ClusterRole ClusterRoleBinding ServiceMonitor PodMonitor
    TargetGroupBinding
    """.split()
)
# Kinds without a namespace (Kubernetes API reference), which keep it empty here.
CLUSTER_WIDE = frozenset(
    """
    Namespace StorageClass IngressClass ClusterRole ClusterRoleBinding PersistentVolume
    CustomResourceDefinition PriorityClass APIService ClusterSecretStore NodePool EC2NodeClass
    ValidatingWebhookConfiguration MutatingWebhookConfiguration
    """.split()
)


def load(folder: Path, problems: list[str], kubectl: Path | None) -> Inventory:
    """Return the objects of a folder; ``kubectl`` renders a kustomization.

    Problems are added, one sentence with file and line each. Raises EnvironmentUnavailable when
    there is a kustomization and no kubectl.
    """
    if not folder.is_dir():
        problems.append(f"{folder}: expected a folder of Kubernetes objects, got none")
        return Inventory()
    root = kustomization.root_of(folder)
    if root is None:
        documents = [d for path in _files(folder) for d in read_file(path, problems)]
        objects = list(_objects(documents, {}, problems))
        notes = [f"{folder}: read as it stands, there is no kustomization"]
    else:
        sources = kustomization.sources(root, problems)
        text = _render(root, problems, kubectl) if not problems else ""
        documents = read_text(text, f"{root} (rendered)", problems)
        by_name = {
            (str(d.value.get("kind")), str((d.value.get("metadata") or {}).get("name"))): d
            for d in sources
            if isinstance(d.value, dict) and isinstance(d.value.get("metadata"), dict | None)
        }
        objects = list(_objects(documents, by_name, problems))
        notes = [f"{root}: rendered with kustomize"]
    if not objects and not problems:
        problems.append(f"{folder}: expected Kubernetes objects in .yaml files, got none")
    if len(objects) > OBJECTS_MAX:
        problems.append(f"{folder}: expected at most {OBJECTS_MAX} objects, got {len(objects)}")
    return Inventory(
        given=frozenset({Domain.KUBERNETES}),
        objects=tuple(objects),
        not_judged=tuple(not_judged(objects)),
        notes=tuple(notes),
    )


def not_judged(objects: list[Resource]) -> Iterator[NotJudged]:
    """Return the objects whose kind no rule reads."""
    for found in objects:
        if found.kind not in JUDGED:
            why = f"no rule reads objects of kind {found.kind}"
            yield NotJudged(found.address, why, found.place)


def objects_of(documents: list[Document], problems: list[str]) -> list[Resource]:
    """Return the objects of documents that are no render."""
    return list(_objects(documents, {}, problems))


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".yaml", ".yml") and path.is_file():
            yield path


def _render(root: Path, problems: list[str], kubectl: Path | None) -> str:
    if kubectl is None:
        raise EnvironmentUnavailable(
            f"{root}: needs kubectl to render the kustomization, got none on PATH. Next step: "
            "install kubectl, or give the folder of a render"
        )
    try:
        done = command.run(
            [kubectl, "kustomize", root], limit_seconds=RENDER_LIMIT_SECONDS, check=False
        )
    except HarnessError as error:
        problems.append(f"{root}: expected kustomize to render within the limit, got: {error}")
        return ""
    if done.returncode != 0:
        problems.append(
            f"{root}: expected a kustomization that renders, got: {done.stderr.strip()}"
        )
        return ""
    return done.stdout


def _objects(
    documents: list[Document], sources: Mapping[tuple[str, str], Document], problems: list[str]
) -> Iterator[Resource]:
    for document in documents:
        value = document.value
        if isinstance(value, dict) and value.get("kind") == "List":
            for index, item in enumerate(value.get("items") or []):
                if (
                    found := _object(item, document, ("items", index), sources, problems)
                ) is not None:
                    yield found
        elif (found := _object(value, document, (), sources, problems)) is not None:
            yield found


def _object(
    value: Any,
    document: Document,
    within: FieldPath,
    sources: Mapping[tuple[str, str], Document],
    problems: list[str],
) -> Resource | None:
    line = document.locate(within) or document.line
    at = f"{document.file}:{line}"
    if not isinstance(value, dict):
        problems.append(f"{at}: expected an object (a mapping), got {type(value).__name__}")
        return None
    kind, metadata = value.get("kind"), value.get("metadata")
    described = metadata if isinstance(metadata, dict) else {}
    name = described.get("name") or described.get("generateName")
    if not isinstance(kind, str) or not isinstance(name, str):
        if "kind" not in value and "apiVersion" not in value:
            return None
        problems.append(
            f"{at}: expected an object with apiVersion, kind and metadata.name, "
            f"got kind {kind!r} and name {name!r}"
        )
        return None
    before = len(problems)
    problems += shapes.problems_of(
        value, kind, lambda path: f"{document.file}:{document.locate((*within, *path)) or line}"
    )
    if len(problems) > before:
        return None
    namespace = "" if kind in CLUSTER_WIDE else str(described.get("namespace") or "default")
    shown, prefix = document, within
    if (kind, name) in sources:
        shown, prefix = sources[kind, name], ()
    line = shown.locate(prefix) or shown.line
    return Resource(
        domain=Domain.KUBERNETES,
        kind=kind,
        name=name,
        namespace=namespace,
        address=f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}",
        values=value,
        place=Place(shown.file, line),
        locate=lambda path: shown.locate((*prefix, *path)),
    )
