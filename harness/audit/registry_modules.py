"""Modules of the public registry that are read as what their arguments state.

A registry module's code is not in the folder. For those below, the arguments say which AWS
resources come out of it (inputs and outputs as in the modules' own documentation, versions 5 of
vpc and its endpoints, 19 to 21 of eks, 5 and 6 of iam for service accounts); any other module is
listed as not judged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from harness.audit.resource import Resource
from harness.audit.value import Unknown, as_list, as_switch, dig

VPC = "terraform-aws-modules/vpc/aws"
EKS = "terraform-aws-modules/eks/aws"
IAM = "terraform-aws-modules/iam/aws"
_TIERS = MappingProxyType(
    {"public": "public_subnets", "private": "private_subnets", "database": "database_subnets"}
)
# Outputs that name what the module makes; any other output is of the module as a whole.
_OUTPUTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        VPC: {
            "vpc_id": "aws_vpc.this",
            "public_subnets": "aws_subnet.public",
            "private_subnets": "aws_subnet.private",
            "database_subnets": "aws_subnet.database",
            "database_subnet_group_name": "aws_db_subnet_group.database",
        },
        EKS: {
            "cluster_name": "aws_eks_cluster.this",
            "cluster_endpoint": "aws_eks_cluster.this",
            "node_security_group_id": "aws_security_group.node",
            "cluster_security_group_id": "aws_security_group.cluster",
        },
    }
)


def is_known(source: str) -> bool:
    """Say whether a module's arguments can be read here."""
    return source in _EXPANDERS


def output_of(source: str, address: str, output: str) -> str:
    """Return the address that an output of a module stands for; empty when it has none."""
    found = _OUTPUTS.get(source, {}).get(output, "")
    return f"{address}.{found}" if found else ""


def expand(source: str, call: Resource, address: str) -> Iterator[Resource]:
    """Return the resources that a module call states."""
    expander = _EXPANDERS.get(source)
    if expander is not None:
        yield from expander(call, address)


def _made(
    call: Resource, address: str, kind: str, name: str, values: Mapping[str, Any], *at: str
) -> Resource:
    """Return a resource of the module whose fields stand under ``at`` in the call."""
    return replace(
        call,
        kind=kind,
        name=name.split("[", maxsplit=1)[0],
        address=f"{address}.{kind}.{name}",
        values=values,
        place=call.at(*at),
        locate=lambda path: call.locate((*at, *path)),
    )


def _vpc(call: Resource, address: str) -> Iterator[Resource]:
    values = {"cidr_block": call.get("cidr"), "tags": call.get("tags")}
    yield _made(call, address, "aws_vpc", "this", values)
    zones = as_list(call.get("azs"))
    for tier, argument in _TIERS.items():
        given = call.get(argument)
        for index, cidr in enumerate([given] if isinstance(given, Unknown) else as_list(given)):
            values = {
                "cidr_block": cidr,
                "availability_zone": zones[index % len(zones)] if zones else None,
                "tags": call.get(f"{tier}_subnet_tags"),
                "tier": tier,
            }
            yield _made(call, address, "aws_subnet", f"{tier}[{index}]", values, argument)
    if as_switch(call.get("enable_nat_gateway")):
        single = as_switch(call.get("single_nat_gateway"))
        for index in range(1 if single else len(zones)):
            yield _made(
                call, address, "aws_nat_gateway", f"this[{index}]", {}, "enable_nat_gateway"
            )
    if as_switch(call.get("create_database_subnet_group")):
        values = {"name": call.get("database_subnet_group_name") or call.get("name")}
        where = "create_database_subnet_group"
        yield _made(call, address, "aws_db_subnet_group", "database", values, where)
    if as_switch(call.get("enable_flow_log")):
        yield _made(call, address, "aws_flow_log", "this", {}, "enable_flow_log")
    if as_switch(call.get("create_flow_log_cloudwatch_log_group")):
        retention = call.get("flow_log_cloudwatch_log_group_retention_in_days")
        name = f"/aws/vpc-flow-log/{address}"
        values = {"name": name, "retention_in_days": retention}
        where = "create_flow_log_cloudwatch_log_group"
        yield _made(call, address, "aws_cloudwatch_log_group", "flow_log", values, where)


def _eks(call: Resource, address: str) -> Iterator[Resource]:
    def given(*names: str) -> Any:
        return next((call.get(name) for name in names if call.get(name) is not None), None)

    public = given("cluster_endpoint_public_access", "endpoint_public_access")
    cidrs = given("cluster_endpoint_public_access_cidrs", "endpoint_public_access_cidrs")
    cluster = {
        "name": given("cluster_name", "name"),
        "version": given("cluster_version", "kubernetes_version"),
        # The module's own default opens the endpoint to the world as soon as it is public.
        "vpc_config": [
            {
                "endpoint_public_access": bool(public) if public is not None else False,
                "public_access_cidrs": cidrs if cidrs is not None else ["0.0.0.0/0"],
                "subnet_ids": call.get("subnet_ids"),
            }
        ],
        "enabled_cluster_log_types": given("cluster_enabled_log_types", "enabled_log_types"),
        # The module makes a KMS key for Secrets unless it is told otherwise.
        "encryption_config": [{"resources": ["secrets"]}],
    }
    yield _made(call, address, "aws_eks_cluster", "this", cluster)
    addons = given("cluster_addons", "addons")
    where = "cluster_addons" if call.get("cluster_addons") is not None else "addons"
    for name, settings in addons.items() if isinstance(addons, Mapping) else ():
        values = {
            **(settings if isinstance(settings, Mapping) else {}),
            "addon_name": name,
            "addon_version": None,
        }
        yield _made(call, address, "aws_eks_addon", f'this["{name}"]', values, where, name)
    groups = call.get("eks_managed_node_groups")
    for name, group in groups.items() if isinstance(groups, Mapping) else ():
        yield _made(
            call,
            address,
            "aws_eks_node_group",
            f'this["{name}"]',
            _node_group(call, name, group),
            "eks_managed_node_groups",
            name,
        )
    yield from _access(call, address)


def _node_group(call: Resource, name: str, group: Any) -> dict[str, Any]:
    taints = dig(group, "taints")
    taints = list(taints.values()) if isinstance(taints, Mapping) else taints
    sizes = {size: dig(group, size) for size in ("min_size", "max_size", "desired_size")}
    return {
        "node_group_name": dig(group, "name") or name,
        "instance_types": dig(group, "instance_types"),
        "scaling_config": [sizes],
        "labels": dig(group, "labels"),
        "taint": taints,
        "subnet_ids": dig(group, "subnet_ids") or call.get("subnet_ids"),
        "block_device_mappings": dig(group, "block_device_mappings"),
    }


def _access(call: Resource, address: str) -> Iterator[Resource]:
    values = {
        "roles": call.get("aws_auth_roles"),
        "users": call.get("aws_auth_users"),
    }
    if as_switch(call.get("manage_aws_auth_configmap")) or call.get("aws_auth_roles") is not None:
        yield _made(call, address, "kubernetes_config_map", "aws_auth", values)


def _endpoints(call: Resource, address: str) -> Iterator[Resource]:
    given = call.get("endpoints")
    for name, values in given.items() if isinstance(given, Mapping) else ():
        at = ("endpoints", name)
        yield _made(call, address, "aws_vpc_endpoint", f'this["{name}"]', dict(values), *at)


def _service_account_role(call: Resource, address: str) -> Iterator[Resource]:
    values = {"name": call.get("role_name") or call.get("name")}
    yield _made(call, address, "aws_iam_role", "this", values)


def roles_with_masters(value: Any) -> list[int]:
    """Return the indexes of the role mappings that give ``system:masters``."""
    entries = value
    if isinstance(value, str):
        try:
            entries = json.loads(value)
        except ValueError:
            entries = []
    return [
        index
        for index, entry in enumerate(as_list(entries))
        if "system:masters" in as_list(dig(entry, "groups"))
    ]


_EXPANDERS: Mapping[str, Callable[[Resource, str], Iterator[Resource]]] = MappingProxyType(
    {
        VPC: _vpc,
        EKS: _eks,
        f"{VPC}//modules/vpc-endpoints": _endpoints,
        f"{IAM}//modules/iam-role-for-service-accounts-eks": _service_account_role,
        f"{IAM}//modules/iam-role-for-service-accounts": _service_account_role,
    }
)
