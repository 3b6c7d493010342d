"""VPC, subnets, gateways and addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.provision.standin.mapping import (
    Call,
    Change,
    Computed,
    Read,
    ResourceType,
    Values,
    words,
)

if TYPE_CHECKING:
    from harness.provision.standin.cloud import Session


def _flags(*pairs: tuple[str, str]) -> tuple[Change, ...]:
    def change(attribute: str, parameter: str) -> Change:
        params = {"VpcId": "$id", parameter: {"Value": f"${attribute}"}}
        return Change(Call("modify_vpc_attribute", params), (attribute,), on_create=True)

    return tuple(change(*pair) for pair in pairs)


def _flag(name: str) -> Computed:
    def read(session: Session, values: Values, found: Mapping[str, Any]) -> Any:
        path = f"{name[0].upper()}{name[1:]}.Value"
        return session.find(
            "ec2", "describe_vpc_attribute", path, VpcId=values["id"], Attribute=name
        )

    return read


def first_id(operation: str, path: str, *filters: tuple[str, str]) -> Computed:
    """Return a rule that finds one thing of the VPC by filters; ``"$id"`` is the VPC."""

    def read(session: Session, values: Values, found: Mapping[str, Any]) -> Any:
        listed = [
            {"Name": name, "Values": [str(session.resolve(value, values))]} for name, value in filters
        ]
        return session.find("ec2", operation, path, Filters=listed)

    return read


def tagged(kind: str) -> dict[str, Any]:
    """Return the create parameter that tags a new resource of a kind."""
    return {
        "TagSpecifications": lambda values: (
            [{"ResourceType": kind, "Tags": values["tag_list"]}] if values["tag_list"] else None
        )
    }


def arn(kind: str) -> str:
    """Return the template of an EC2 resource's ARN."""
    return f"arn:aws:ec2:{{region}}:{{account}}:{kind}/{{id}}"


VPC = ResourceType(
    service="ec2",
    create=Call(
        "create_vpc", tagged("vpc"), fields=("cidr_block", "instance_tenancy")
    ),
    read=Read(Call("describe_vpcs", {"VpcIds": ["$id"]}), "Vpcs[0]"),
    delete=Call("delete_vpc", {"VpcId": "$id"}),
    identity="@Vpc.VpcId",
    defaults={"enable_dns_support": True, "instance_tenancy": "default"},
    forces=words("cidr_block ipv4_ipam_pool_id ipv4_netmask_length"),
    changes=_flags(
        ("enable_dns_support", "EnableDnsSupport"), ("enable_dns_hostnames", "EnableDnsHostnames")
    ),
    computed={
        "arn": arn("vpc"),
        "enable_dns_support": _flag("enableDnsSupport"),
        "enable_dns_hostnames": _flag("enableDnsHostnames"),
        "main_route_table_id": first_id(
            "describe_route_tables",
            "RouteTables[0].RouteTableId",
            ("vpc-id", "$id"),
            ("association.main", "true"),
        ),
        "default_route_table_id": first_id(
            "describe_route_tables",
            "RouteTables[0].RouteTableId",
            ("vpc-id", "$id"),
            ("association.main", "true"),
        ),
        "default_security_group_id": first_id(
            "describe_security_groups",
            "SecurityGroups[0].GroupId",
            ("vpc-id", "$id"),
            ("group-name", "default"),
        ),
        "default_network_acl_id": first_id(
            "describe_network_acls",
            "NetworkAcls[0].NetworkAclId",
            ("vpc-id", "$id"),
            ("default", "true"),
        ),
    },
    tagging="ec2",
)

TYPES: Mapping[str, ResourceType] = {"aws_vpc": VPC}
