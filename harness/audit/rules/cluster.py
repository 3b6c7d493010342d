"""Rules on EKS itself: version, access, nodes, addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from harness.audit import facts
from harness.audit.inventory import Inventory
from harness.audit.registry_modules import roles_with_masters
from harness.audit.resource import Resource
from harness.audit.rule import (
    FINE,
    TERRAFORM,
    Mark,
    Severity,
    defect,
    rule,
    undecided,
)
from harness.audit.rules.addons import CLUSTER, NODES, addon_named, settings_of
from harness.audit.value import as_list, as_number, as_switch, dig, is_known, texts


@rule(
    "cluster-version-supported",
    promises=("section 1.5, EKS cluster healthy",),
    why="a version past its extended support cannot be created, and EKS upgrades what runs it",
    source="EKS user guide, Kubernetes version lifecycle",
    needs=(TERRAFORM,),
    required=True,
)
def version_supported(inventory: Inventory) -> Iterator[Mark]:
    """The cluster's version is in standard or extended support today."""
    for cluster in inventory.of(CLUSTER):
        version = cluster.get("version")
        support = facts.EKS_SUPPORT.get(str(version))
        if support is None and _older(version):
            until = "before any version of the table"
        elif support is None:
            yield undecided(cluster, ("version",), f"{version} is not in the table of versions")
            continue
        elif support.extended >= inventory.today:
            yield FINE
            continue
        else:
            until = f"until {support.standard} (extended until {support.extended})"
        yield defect(
            cluster,
            ("version",),
            expected=f"a version in support on {inventory.today}",
            got=f"{version}, supported {until}",
            next_step="raise it one minor version at a time",
        )


@rule(
    "cluster-version-standard",
    promises=("section 1.4, budget",),
    why="extended support costs more for each hour of the cluster, and ends after a year",
    source="EKS user guide, Kubernetes version lifecycle",
    needs=(TERRAFORM,),
    severity=Severity.NOTE,
)
def version_standard(inventory: Inventory) -> Iterator[Mark]:
    """The cluster's version is in standard support today."""
    for cluster in inventory.of(CLUSTER):
        support = facts.EKS_SUPPORT.get(cluster.text("version"))
        if support is None:
            yield undecided(cluster, ("version",), "not in the table of versions")
        elif support.standard >= inventory.today:
            yield FINE
        else:
            yield defect(
                cluster,
                ("version",),
                expected=f"a version in standard support on {inventory.today}",
                got=f"{cluster.text('version')}, in standard support until {support.standard}",
                next_step="plan the upgrade",
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
    "pod-addresses-suffice",
    promises=("hpa-scale-up",),
    why="prefixes are whole /28 blocks: a small subnet runs out of blocks before addresses",
    source="EKS best practices, prefix mode; the first and last block hold reserved addresses",
    needs=(TERRAFORM,),
)
def addresses_suffice(inventory: Inventory) -> Iterator[Mark]:
    """With prefix delegation, each subnet has the blocks that all its nodes take."""
    addon = addon_named(inventory, "vpc-cni")
    if addon is None or not is_known(addon.get("configuration_values")):
        return
    env = dig(settings_of(addon), "env")
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


RULES = (
    version_supported,
    version_standard,
    endpoint_closed,
    access_limited,
    secrets_encrypted,
    nodes_cover_zones,
    addresses_suffice,
)
