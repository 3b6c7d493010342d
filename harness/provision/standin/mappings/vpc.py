"""VPC, subnets, gateways and addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from harness.provision.standin.mapping import (
    Call,
    Change,
    Computed,
    Read,
    Ready,
    ResourceType,
    Values,
    words,
)
from harness.provision.standin.mappings.common import arn, filters, looked_up, tagged

if TYPE_CHECKING:
    from harness.provision.standin.cloud import Session


def _vpc_flag(attribute: str, parameter: str) -> Change:
    params = {"VpcId": "$id", parameter: {"Value": f"${attribute}"}}
    return Change(Call("modify_vpc_attribute", params), (attribute,), on_create=True)


def _subnet_flag(attribute: str, parameter: str) -> Change:
    params = {"SubnetId": "$id", parameter: {"Value": f"${attribute}"}}
    return Change(Call("modify_subnet_attribute", params), (attribute,), on_create=True)


def _flag(name: str) -> Computed:
    path = f"{name[0].upper()}{name[1:]}.Value"
    return looked_up("ec2", "describe_vpc_attribute", path, VpcId="$id", Attribute=name)


def _main_table() -> Computed:
    listed = [*filters(vpc_id="$id"), {"Name": "association.main", "Values": ["true"]}]
    path = "RouteTables[0].RouteTableId"
    return looked_up("ec2", "describe_route_tables", path, Filters=listed)


def attach_gateway(session: Session, wanted: Values, prior: Values | None) -> None:
    """Attach an internet gateway to its VPC, detached from the one before."""
    before = (prior or {}).get("vpc_id")
    if before:
        session.call("ec2", "detach_internet_gateway", InternetGatewayId=wanted["id"], VpcId=before)
    if wanted.get("vpc_id"):
        session.call(
            "ec2",
            "attach_internet_gateway",
            InternetGatewayId=wanted["id"],
            VpcId=wanted["vpc_id"],
        )


def _delete_gateway(session: Session, wanted: Values, prior: Values | None) -> None:
    if wanted.get("vpc_id"):
        session.call(
            "ec2",
            "detach_internet_gateway",
            InternetGatewayId=wanted["id"],
            VpcId=wanted["vpc_id"],
        )
    session.call("ec2", "delete_internet_gateway", InternetGatewayId=wanted["id"])


VPC = ResourceType(
    service="ec2",
    create=Call("create_vpc", tagged("vpc"), fields=("cidr_block", "instance_tenancy")),
    read=Read(Call("describe_vpcs", {"VpcIds": ["$id"]}), "Vpcs[0]"),
    delete=Call("delete_vpc", {"VpcId": "$id"}),
    identity="@Vpc.VpcId",
    defaults={"enable_dns_support": True, "instance_tenancy": "default"},
    forces=words("cidr_block ipv4_ipam_pool_id ipv4_netmask_length"),
    changes=(
        _vpc_flag("enable_dns_support", "EnableDnsSupport"),
        _vpc_flag("enable_dns_hostnames", "EnableDnsHostnames"),
    ),
    computed={
        "arn": arn("ec2", "vpc/{id}"),
        "enable_dns_support": _flag("enableDnsSupport"),
        "enable_dns_hostnames": _flag("enableDnsHostnames"),
        "main_route_table_id": _main_table(),
        "default_route_table_id": _main_table(),
        "default_security_group_id": looked_up(
            "ec2",
            "describe_security_groups",
            "SecurityGroups[0].GroupId",
            Filters=filters(vpc_id="$id", group_name="default"),
        ),
        "default_network_acl_id": looked_up(
            "ec2",
            "describe_network_acls",
            "NetworkAcls[0].NetworkAclId",
            Filters=filters(vpc_id="$id", default="true"),
        ),
    },
    tagging="ec2",
)

SUBNET = ResourceType(
    service="ec2",
    create=Call(
        "create_subnet",
        tagged("subnet"),
        fields=("vpc_id", "cidr_block", "availability_zone", "availability_zone_id"),
    ),
    read=Read(Call("describe_subnets", {"SubnetIds": ["$id"]}), "Subnets[0]"),
    delete=Call("delete_subnet", {"SubnetId": "$id"}),
    identity="@Subnet.SubnetId",
    defaults={
        "assign_ipv6_address_on_creation": False,
        "enable_dns64": False,
        "enable_resource_name_dns_a_record_on_launch": False,
        "enable_resource_name_dns_aaaa_record_on_launch": False,
        "ipv6_native": False,
        "map_public_ip_on_launch": False,
    },
    forces=words(
        "vpc_id cidr_block availability_zone availability_zone_id ipv6_native outpost_arn"
    ),
    changes=(_subnet_flag("map_public_ip_on_launch", "MapPublicIpOnLaunch"),),
    computed={
        "arn": arn("ec2", "subnet/{id}"),
        "private_dns_hostname_type_on_launch": "@PrivateDnsNameOptionsOnLaunch.HostnameType",
    },
    tagging="ec2",
)

INTERNET_GATEWAY = ResourceType(
    service="ec2",
    create=Call("create_internet_gateway", tagged("internet-gateway")),
    read=Read(
        Call("describe_internet_gateways", {"InternetGatewayIds": ["$id"]}), "InternetGateways[0]"
    ),
    delete=_delete_gateway,
    identity="@InternetGateway.InternetGatewayId",
    changes=(Change(attach_gateway, ("vpc_id",), on_create=True),),
    computed={
        "arn": arn("ec2", "internet-gateway/{id}"),
        "vpc_id": "@Attachments[0].VpcId",
    },
    tagging="ec2",
)

EIP = ResourceType(
    service="ec2",
    create=Call("allocate_address", {"Domain": "vpc", **tagged("elastic-ip")}),
    read=Read(Call("describe_addresses", {"AllocationIds": ["$id"]}), "Addresses[0]"),
    delete=Call("release_address", {"AllocationId": "$id"}),
    identity="@AllocationId",
    forces=words("domain public_ipv4_pool network_border_group address"),
    handles=words("domain"),
    computed={"arn": arn("ec2", "elastic-ip/{id}"), "allocation_id": "{id}"},
    tagging="ec2",
)

NAT_GATEWAY = ResourceType(
    service="ec2",
    create=Call(
        "create_nat_gateway",
        tagged("natgateway"),
        fields=("allocation_id", "subnet_id", "connectivity_type"),
    ),
    read=Read(
        Call("describe_nat_gateways", {"NatGatewayIds": ["$id"]}),
        "NatGateways[0]",
        gone="State=='deleted'",
    ),
    delete=Call("delete_nat_gateway", {"NatGatewayId": "$id"}),
    identity="@NatGateway.NatGatewayId",
    defaults={"connectivity_type": "public"},
    forces=words("allocation_id subnet_id connectivity_type private_ip"),
    computed={
        "allocation_id": "@NatGatewayAddresses[0].AllocationId",
        "association_id": "@NatGatewayAddresses[0].AssociationId",
        "network_interface_id": "@NatGatewayAddresses[0].NetworkInterfaceId",
        "private_ip": "@NatGatewayAddresses[0].PrivateIp",
        "public_ip": "@NatGatewayAddresses[0].PublicIp",
    },
    tagging="ec2",
    ready=Ready("State", ("available",), ("failed",)),
)

TYPES: Mapping[str, ResourceType] = {
    "aws_vpc": VPC,
    "aws_subnet": SUBNET,
    "aws_internet_gateway": INTERNET_GATEWAY,
    "aws_eip": EIP,
    "aws_nat_gateway": NAT_GATEWAY,
}
