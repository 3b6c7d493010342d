"""Rules on EKS: versions, access, nodes, and the add-ons without which objects do nothing."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator
from typing import Any

from harness.audit import facts
from harness.audit.inventory import Inventory, containers
from harness.audit.registry_modules import roles_with_masters
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
from harness.audit.value import Unknown, as_list, as_number, as_switch, dig, is_known, texts

CLUSTER, ADDON, NODES = "aws_eks_cluster", "aws_eks_addon", "aws_eks_node_group"


@rule(
    "cluster-version-supported",
    promises=("section 1.5, EKS cluster healthy",),
    why="after standard support it costs more, after extended support EKS upgrades by itself",
    source="EKS user guide, Kubernetes version lifecycle",
    needs=(TERRAFORM,),
    required=True,
)
def version_supported(inventory: Inventory) -> Iterator[Mark]:
    """The cluster's version is in standard support today."""
    for cluster in inventory.of(CLUSTER):
        version = cluster.get("version")
        support = facts.EKS_SUPPORT.get(str(version))
        if support is None and _older(version):
            until = "before any version of the table"
        elif support is None:
            yield undecided(cluster, ("version",), f"{version} is not in the table of versions")
            continue
        elif support.standard >= inventory.today:
            yield FINE
            continue
        else:
            until = f"until {support.standard} (extended until {support.extended})"
        yield defect(
            cluster,
            ("version",),
            expected=f"a version in standard support on {inventory.today}",
            got=f"{version}, supported {until}",
            next_step="raise it one minor version at a time",
        )


def _older(version: Any) -> bool:
    try:
        return tuple(map(int, str(version).split("."))) < tuple(
            map(int, facts.EKS_OLDEST.split("."))
        )
    except ValueError:
        return False


@rule(
    "cluster-endpoint-closed",
    promises=("NFR-SEC-01",),
    why="an API server open to the world is one stolen token away from the whole environment",
    source="EKS API, publicAccessCidrs: the default is 0.0.0.0/0",
    needs=(TERRAFORM,),
)
def endpoint_closed(inventory: Inventory) -> Iterator[Mark]:
    """A public API endpoint names the networks that may reach it."""
    for cluster in inventory.of(CLUSTER):
        config = dig(cluster.get("vpc_config"), 0)
        cidrs = dig(config, "public_access_cidrs")
        if as_switch(dig(config, "endpoint_public_access")) is False:
            yield FINE
        elif cidrs is not None and not is_known(cidrs):
            # Which networks is an input of whoever applies; the validation of the variable rules.
            yield FINE
        elif not texts(cidrs) or "0.0.0.0/0" in texts(cidrs):
            yield defect(
                cluster,
                ("vpc_config", 0, "public_access_cidrs"),
                expected="named networks, or no public endpoint",
                got="0.0.0.0/0",
                next_step="set the networks of the office and of the pipeline",
            )
        else:
            yield FINE


@rule(
    "cluster-access-limited",
    promises=("NFR-SEC-01",),
    why="system:masters cannot be limited or revoked, and aws-auth is the deprecated way",
    source="EKS user guide, access entries; EKS best practices, identity and access management",
    needs=(TERRAFORM,),
)
def access_limited(inventory: Inventory) -> Iterator[Mark]:
    """Nobody is mapped to system:masters."""
    for entry in inventory.of("aws_eks_access_entry"):
        if "system:masters" in texts(entry.get("kubernetes_groups")):
            yield _masters(entry, ("kubernetes_groups",))
        else:
            yield FINE
    for found in inventory.of("kubernetes_config_map", "kubernetes_config_map_v1_data"):
        roles = (
            found.get("roles") if found.get("roles") is not None else found.get("data", "mapRoles")
        )
        indexes = roles_with_masters(roles)
        for index in indexes:
            yield _masters(found, ("aws_auth_roles", index, "groups"))
        if not indexes:
            yield FINE


def _masters(where: Resource, path: tuple[str | int, ...]) -> Mark:
    return defect(
        where,
        path,
        expected="an access entry with an EKS access policy",
        got="group system:masters",
        next_step="use aws_eks_access_entry and aws_eks_access_policy_association",
    )


@rule(
    "cluster-secrets-encrypted",
    promises=("NFR-SEC-03",),
    why="Secrets in etcd are encrypted with a key of the account only where the cluster says so",
    source="EKS user guide, envelope encryption of Secrets",
    needs=(TERRAFORM,),
)
def secrets_encrypted(inventory: Inventory) -> Iterator[Mark]:
    """Each cluster encrypts Secrets with a KMS key."""
    for cluster in inventory.of(CLUSTER):
        if as_list(cluster.get("encryption_config")):
            yield FINE
        else:
            yield defect(
                cluster,
                ("encryption_config",),
                expected='encryption_config for "secrets"',
                got="none",
                next_step="name a KMS key",
            )


def _settings(addon: Resource) -> Any:
    value = addon.get("configuration_values")
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return None


def _addon(inventory: Inventory, name: str) -> Resource | None:
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
    if _installed(inventory, re.compile(r"calico|cilium")):
        yield FINE
        return
    addon = _addon(inventory, "vpc-cni")
    where = addon or inventory.of(CLUSTER)[0]
    settings = _settings(addon) if addon else None
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


def _installed(inventory: Inventory, name: re.Pattern[str]) -> bool:
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
    there = bool(users) and _installed(inventory, name)
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
    "nodes-cover-zones",
    promises=("NFR-AVAIL-01", "section 1.5, 3+ nodes across 3 AZs"),
    why="a zone without a node cannot attach the volumes that live there, nor take its pods",
    source="EKS best practices: EBS volumes are bound to one zone",
    needs=(TERRAFORM,),
)
def nodes_cover_zones(inventory: Inventory) -> Iterator[Mark]:
    """The smallest size of a node group has a node in each of its zones."""
    for group in inventory.of(NODES):
        low = as_number(dig(group.get("scaling_config"), 0, "min_size"))
        subnets = inventory.referred(group.refers("subnet_ids"), "aws_subnet")
        zones = {str(s.get("availability_zone")) for s in subnets}
        if low is None or not subnets:
            yield undecided(group, ("scaling_config",), "size or zones are not known")
        elif low < len(zones):
            yield defect(
                group,
                ("scaling_config", 0, "min_size")
                if group.get("min_size") is None
                else ("min_size",),
                expected=f"at least {len(zones)}, one in each zone",
                got=f"{low:g}",
                next_step="raise min_size",
            )
        else:
            yield FINE


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
    addon = _addon(inventory, "coredns")
    if addon is None:
        return
    limits = dig(_settings(addon), "resources", "limits")
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
    "pod-addresses-suffice",
    promises=("hpa-scale-up",),
    why="prefixes are whole /28 blocks: a small subnet runs out of blocks before addresses",
    source="EKS best practices, prefix mode; the first and last block hold reserved addresses",
    needs=(TERRAFORM,),
)
def addresses_suffice(inventory: Inventory) -> Iterator[Mark]:
    """With prefix delegation, each subnet has the blocks that all its nodes take."""
    addon = _addon(inventory, "vpc-cni")
    if addon is None or not is_known(addon.get("configuration_values")):
        return
    env = dig(_settings(addon), "env")
    if as_switch(dig(env, "ENABLE_PREFIX_DELEGATION")) is not True:
        yield FINE
        return
    blocks_each = 1 + (as_number(dig(env, "WARM_PREFIX_TARGET")) or 1)
    taken: dict[str, float] = {}
    subnets: dict[str, Resource] = {}
    for group in inventory.of(NODES):
        high = as_number(dig(group.get("scaling_config"), 0, "max_size"))
        found = inventory.referred(group.refers("subnet_ids"), "aws_subnet")
        for subnet in found:
            subnets[subnet.address] = subnet
            share = -(-(high or 0) // len(found)) * blocks_each
            taken[subnet.address] = taken.get(subnet.address, 0) + share
    for address, subnet in subnets.items():
        cidr = subnet.get("cidr_block")
        if not isinstance(cidr, str):
            yield undecided(subnet, ("cidr_block",), cidr)
            continue
        free = 2 ** (28 - ipaddress.ip_network(cidr).prefixlen) - 2
        if taken[address] < free:
            yield FINE
            continue
        yield defect(
            addon,
            ("configuration_values",),
            expected=f"fewer than the {free:g} whole /28 blocks of {cidr}",
            got=f"{taken[address]:g} blocks at the largest size of the node groups",
            next_step="use larger subnets, or no prefix delegation",
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
    version_supported,
    endpoint_closed,
    access_limited,
    secrets_encrypted,
    policies_enforced,
    controller_for_ingress,
    metrics_for_autoscaler,
    operator_for_secrets,
    autoscaler_for_nodes,
    nodes_cover_zones,
    dns_not_throttled,
    addresses_suffice,
    repository_declared,
)
