"""Rules on add-ons without which other objects do nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from harness.audit import facts
from harness.audit.inventory import Inventory, containers
from harness.audit.resource import Resource
from harness.audit.rule import (
    FINE,
    KUBERNETES,
    TERRAFORM,
    Mark,
    Severity,
    defect,
    rule,
    undecided,
)
from harness.audit.value import Unknown, as_list, as_number, as_switch, dig, is_known

CLUSTER, ADDON, NODES = "aws_eks_cluster", "aws_eks_addon", "aws_eks_node_group"


def settings_of(addon: Resource) -> Any:
    """Return the settings of an EKS add-on, read from their JSON where they are text."""
    value = addon.get("configuration_values")
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return None


def addon_named(inventory: Inventory, name: str) -> Resource | None:
    """Return the EKS add-on of a name."""
    return next((a for a in inventory.of(ADDON) if a.get("addon_name") == name), None)


@rule(
    "policies-enforced",
    promises=("section 3, day 703 (network policies)",),
    why="the VPC CNI enforces no NetworkPolicy unless enableNetworkPolicy is set: all is open",
    source="EKS user guide, network policy: enableNetworkPolicy of the add-on vpc-cni",
    needs=(TERRAFORM, KUBERNETES),
)
def policies_enforced(inventory: Inventory) -> Iterator[Mark]:
    """Where there are network policies, the cluster's network plug-in enforces them."""
    if not inventory.declares("NetworkPolicy") or not inventory.declares(CLUSTER):
        return
    if installed(inventory, re.compile(r"calico|cilium")):
        yield FINE
        return
    addon = addon_named(inventory, "vpc-cni")
    where = addon or inventory.of(CLUSTER)[0]
    settings = settings_of(addon) if addon else None
    if isinstance(settings, Unknown):
        switched = "enableNetworkPolicy" in settings.text
        yield FINE if switched else undecided(where, ("configuration_values",), settings)
    elif as_switch(dig(settings, "enableNetworkPolicy")):
        yield FINE
    else:
        yield defect(
            where,
            ("configuration_values",),
            expected='"enableNetworkPolicy": "true" in the settings of vpc-cni',
            got="nothing, which is off",
            next_step="add it to configuration_values",
        )


def installed(inventory: Inventory, name: re.Pattern[str]) -> bool:
    """Say whether something of that name is installed, or has its role and registration."""
    fields = {
        ADDON: ("addon_name",),
        "helm_release": ("chart", "name"),
        "aws_eks_pod_identity_association": ("service_account",),
        "aws_iam_role": ("name", "name_prefix"),
        "@module": ("source", "role_name"),
    }
    for kind, names in fields.items():
        for resource in inventory.of(kind):
            words = [resource.get(field) for field in names] + [resource.base]
            if any(name.search(str(word)) for word in words):
                return True
    return any(name.search(o.name) for o in inventory.of("Deployment", "DaemonSet", "NodePool"))


def _auto(inventory: Inventory) -> bool:
    return any(as_switch(dig(c.get("compute_config"), 0, "enabled")) for c in inventory.of(CLUSTER))


def _needs(
    inventory: Inventory, users: list[Resource], name: re.Pattern[str], what: str, step: str
) -> Iterator[Mark]:
    """Judge that an add-on is there for each object that does nothing without it."""
    there = bool(users) and installed(inventory, name)
    for user in users:
        if there:
            yield FINE
        else:
            yield defect(user, (), expected=what, got="none in any input", next_step=step)


@rule(
    "controller-for-ingress",
    promises=("section 1.2, objective 6 (load balancer)",),
    why="an Ingress of class alb is only text without the AWS Load Balancer Controller",
    source="AWS Load Balancer Controller documentation, installation",
    needs=(TERRAFORM, KUBERNETES),
)
def controller_for_ingress(inventory: Inventory) -> Iterator[Mark]:
    """Ingresses of class alb have their controller."""
    users = [i for i in inventory.of("Ingress") if ingress_class(i) == "alb"]
    if _auto(inventory):
        users = []
    yield from _needs(
        inventory,
        users,
        re.compile("load-balancer-controller|load_balancer_controller"),
        "the AWS Load Balancer Controller, or at least its role",
        "install it, with its role by pod identity",
    )


def ingress_class(ingress: Resource) -> str:
    """Return the class of an Ingress, by field or by the older annotation."""
    named = ingress.get("spec", "ingressClassName")
    return str(named or ingress.annotations.get("kubernetes.io/ingress.class") or "")


@rule(
    "metrics-for-autoscaler",
    promises=("hpa-metrics-known", "hpa-scale-up"),
    why="without metrics-server an autoscaler reads unknown and does nothing",
    source="Kubernetes, HorizontalPodAutoscaler: metrics.k8s.io comes from metrics-server",
    needs=(TERRAFORM, KUBERNETES),
)
def metrics_for_autoscaler(inventory: Inventory) -> Iterator[Mark]:
    """Autoscalers on CPU and memory have metrics-server."""
    users = [
        scaler
        for scaler in inventory.of("HorizontalPodAutoscaler")
        if any(dig(m, "type") == "Resource" for m in as_list(scaler.get("spec", "metrics")))
    ]
    yield from _needs(
        inventory,
        users,
        re.compile("metrics-server"),
        "metrics-server",
        'add the EKS add-on "metrics-server"',
    )


@rule(
    "operator-for-external-secrets",
    promises=("all",),
    why="an ExternalSecret makes no Secret without the operator and its right to read",
    source="External Secrets Operator documentation",
    needs=(TERRAFORM, KUBERNETES),
)
def operator_for_secrets(inventory: Inventory) -> Iterator[Mark]:
    """ExternalSecrets have their operator."""
    yield from _needs(
        inventory,
        inventory.of("ExternalSecret"),
        re.compile("external-secrets|external_secrets"),
        "the External Secrets Operator, or at least its role",
        "install it, with a role that reads the named secrets",
    )


@rule(
    "driver-for-volumes",
    promises=("section 4.2, storage class",),
    why="volumes of ebs.csi.aws.com are made by the EBS CSI driver only",
    source="EKS user guide, EBS CSI driver add-on",
    needs=(TERRAFORM, KUBERNETES),
)
def driver_for_volumes(inventory: Inventory) -> Iterator[Mark]:
    """Storage classes of EBS have their driver."""
    users = [c for c in inventory.of("StorageClass") if c.get("provisioner") == "ebs.csi.aws.com"]
    if _auto(inventory):
        users = []
    yield from _needs(
        inventory,
        users,
        re.compile("ebs-csi|ebs_csi"),
        "the EBS CSI driver",
        'add the EKS add-on "aws-ebs-csi-driver"',
    )


@rule(
    "autoscaler-for-nodes",
    promises=("section 1.2, objective 7 (auto-scaling of nodes)", "hpa-scale-up"),
    why="a managed node group does not follow pending pods by itself: its maximum is only a number",
    source="EKS best practices, cluster autoscaling",
    needs=(TERRAFORM,),
)
def autoscaler_for_nodes(inventory: Inventory) -> Iterator[Mark]:
    """Node groups with room to grow have something that lets them grow."""
    users = []
    for group in inventory.of(NODES):
        sizes = dig(group.get("scaling_config"), 0)
        low, high = as_number(dig(sizes, "min_size")), as_number(dig(sizes, "max_size"))
        if low is not None and high is not None and high > low:
            users.append(group)
    if _auto(inventory):
        users = []
    yield from _needs(
        inventory,
        users,
        re.compile("cluster-autoscaler|cluster_autoscaler|karpenter"),
        "the Cluster Autoscaler or Karpenter, or at least its role",
        "install one, with discovery tags on the groups",
    )


@rule(
    "dns-not-throttled",
    promises=("database-failover-time-*",),
    why="a CPU limit or too little memory on CoreDNS slows every name look-up under load",
    source="Kubernetes, CoreDNS deployment: memory limit 170Mi, no CPU limit",
    needs=(TERRAFORM,),
    severity=Severity.WARNING,
)
def dns_not_throttled(inventory: Inventory) -> Iterator[Mark]:
    """CoreDNS has no CPU limit, and at least its default memory limit."""
    addon = addon_named(inventory, "coredns")
    if addon is None:
        return
    limits = dig(settings_of(addon), "resources", "limits")
    memory = facts.quantity(dig(limits, "memory"))
    if dig(limits, "cpu") is not None:
        found = f"cpu limit {dig(limits, 'cpu')}"
    elif memory is not None and memory < 170 * facts.MIB:
        found = f"memory limit {dig(limits, 'memory')}"
    else:
        yield FINE
        return
    yield defect(
        addon,
        ("configuration_values",),
        expected="no CPU limit, a memory limit of at least 170Mi",
        got=found,
        next_step="drop the limit",
    )


@rule(
    "image-repository-declared",
    promises=("section 1.5, CI/CD deploys a sample application",),
    why="images of the project's own registry have no place to be until a repository is made",
    source="ECR user guide; immutable tags and scanning are settings of the repository",
    needs=(TERRAFORM, KUBERNETES),
)
def repository_declared(inventory: Inventory) -> Iterator[Mark]:
    """Each image of the project's registry has a repository."""
    names = [r.get("name") for r in inventory.of("aws_ecr_repository")]
    for workload in inventory.of("Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job"):
        for index, container in enumerate(containers(workload)):
            image = str(container.get("image") or "")
            found = re.match(r"(?:\$\{\w+\}|\d{12}\.dkr\.ecr\.[\w.-]+)/([^:@]+)", image)
            if found is None:
                continue
            if found[1] in names:
                yield FINE
            elif any(not is_known(name) for name in names):
                yield undecided(workload, ("spec",), "names of repositories are not known")
            else:
                yield defect(
                    workload,
                    ("spec", "template", "spec", "containers", index, "image"),
                    expected=f"an aws_ecr_repository {found[1]!r}",
                    got="none",
                    next_step="declare it with immutable tags and scan_on_push",
                )


RULES = (
    policies_enforced,
    controller_for_ingress,
    metrics_for_autoscaler,
    operator_for_secrets,
    driver_for_volumes,
    autoscaler_for_nodes,
    dns_not_throttled,
    repository_declared,
)
