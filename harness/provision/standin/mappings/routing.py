"""Route tables, routes, VPC endpoints and flow logs."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.provision.standin.mapping import Call, Change, Read, Ready, ResourceType, Values, words
from harness.provision.standin.mappings.common import arn, set_difference, tagged

if TYPE_CHECKING:
    from harness.provision.standin.cloud import Session

# Attribute of a route to the API's parameter.
_TARGETS = {
    "egress_only_gateway_id": "EgressOnlyInternetGatewayId",
    "gateway_id": "GatewayId",
    "nat_gateway_id": "NatGatewayId",
    "network_interface_id": "NetworkInterfaceId",
    "transit_gateway_id": "TransitGatewayId",
    "vpc_endpoint_id": "VpcEndpointId",
    "vpc_peering_connection_id": "VpcPeeringConnectionId",
}
_DESTINATIONS = {
    "cidr_block": "DestinationCidrBlock",
    "ipv6_cidr_block": "DestinationIpv6CidrBlock",
    "destination_prefix_list_id": "DestinationPrefixListId",
    "destination_cidr_block": "DestinationCidrBlock",
    "destination_ipv6_cidr_block": "DestinationIpv6CidrBlock",
}


def _destination(route: Mapping[str, Any]) -> dict[str, str]:
    return {p: route[a] for a, p in _DESTINATIONS.items() if route.get(a)}


def _target(route: Mapping[str, Any]) -> dict[str, str]:
    return {p: route[a] for a, p in _TARGETS.items() if route.get(a)}


def _write_routes(session: Session, wanted: Values, prior: Values | None) -> None:
    added, removed = set_difference("route", wanted, prior)
    for route in removed:
        session.call("ec2", "delete_route", RouteTableId=wanted["id"], **_destination(route))
    for route in added:
        params = {**_destination(route), **_target(route)}
        session.call("ec2", "create_route", RouteTableId=wanted["id"], **params)


def _shown_routes(session: Session, values: Values, found: Mapping[str, Any]) -> list[Values]:
    shown = []
    for route in found.get("Routes", []):
        gateway = route.get("GatewayId", "")
        if gateway == "local" or gateway.startswith("vpce-"):
            continue
        entry = {
            name: route.get(_TARGETS.get(name) or _DESTINATIONS.get(name) or "", "") or ""
            for name in (
                "carrier_gateway_id cidr_block core_network_arn destination_prefix_list_id"
                " egress_only_gateway_id gateway_id ipv6_cidr_block local_gateway_id"
                " nat_gateway_id network_interface_id transit_gateway_id vpc_endpoint_id"
                " vpc_peering_connection_id"
            ).split()
        }
        shown.append(entry)
    return shown


def _create_route(session: Session, wanted: Values, prior: Values | None) -> Values:
    params = {**_destination(wanted), **_target(wanted)}
    session.call("ec2", "create_route", RouteTableId=wanted["route_table_id"], **params)
    code = zlib.crc32("".join(_destination(wanted).values()).encode())
    return {"id": f"r-{wanted['route_table_id']}{code}"}


def _replace_route(session: Session, wanted: Values, prior: Values | None) -> None:
    params = {**_destination(wanted), **_target(wanted)}
    session.call("ec2", "replace_route", RouteTableId=wanted["route_table_id"], **params)


def _delete_route(session: Session, wanted: Values, prior: Values | None) -> None:
    params = {"RouteTableId": wanted["route_table_id"], **_destination(wanted)}
    session.call("ec2", "delete_route", **params)


def _read_route(session: Session, wanted: Values, prior: Values | None) -> Any:
    routes = session.find(
        "ec2",
        "describe_route_tables",
        "RouteTables[0].Routes",
        RouteTableIds=[wanted["route_table_id"]],
    )
    member, value = next(iter(_destination(wanted).items()))
    return next((route for route in routes or [] if route.get(member) == value), None)


def _change_endpoint(session: Session, wanted: Values, prior: Values | None) -> None:
    params: dict[str, Any] = {}
    for attribute, word in (
        ("route_table_ids", "RouteTableIds"),
        ("subnet_ids", "SubnetIds"),
        ("security_group_ids", "SecurityGroupIds"),
    ):
        added, removed = set_difference(attribute, wanted, prior)
        if added:
            params[f"Add{word}"] = added
        if removed:
            params[f"Remove{word}"] = removed
    if wanted.get("policy") and wanted["policy"] != (prior or {}).get("policy"):
        params["PolicyDocument"] = wanted["policy"]
    if wanted.get("private_dns_enabled") != (prior or {}).get("private_dns_enabled"):
        params["PrivateDnsEnabled"] = wanted["private_dns_enabled"]
    session.call("ec2", "modify_vpc_endpoint", VpcEndpointId=wanted["id"], **params)


def _flow_log_target(values: Values) -> tuple[str, str]:
    pairs = (("vpc_id", "VPC"), ("subnet_id", "Subnet"), ("eni_id", "NetworkInterface"))
    return next((values[name], kind) for name, kind in pairs if values.get(name))


ROUTE_TABLE = ResourceType(
    service="ec2",
    create=Call("create_route_table", {"VpcId": "$vpc_id", **tagged("route-table")}),
    read=Read(Call("describe_route_tables", {"RouteTableIds": ["$id"]}), "RouteTables[0]"),
    delete=Call("delete_route_table", {"RouteTableId": "$id"}),
    identity="@RouteTable.RouteTableId",
    forces=words("vpc_id"),
    changes=(Change(_write_routes, ("route",), on_create=True),),
    computed={"arn": arn("ec2", "route-table/{id}"), "route": _shown_routes},
    tagging="ec2",
)

ROUTE = ResourceType(
    service="ec2",
    create=_create_route,
    read=Read(_read_route),
    delete=_delete_route,
    identity="@id",
    names={"egress_only_gateway_id": "EgressOnlyInternetGatewayId"},
    forces=words(
        "route_table_id destination_cidr_block destination_ipv6_cidr_block"
        " destination_prefix_list_id"
    ),
    handles=words(" ".join([*_TARGETS, *_DESTINATIONS, "route_table_id"])),
    changes=(Change(_replace_route, tuple(_TARGETS)),),
)

ASSOCIATION = ResourceType(
    service="ec2",
    create=Call(
        "associate_route_table",
        {"RouteTableId": "$route_table_id"},
        fields=("subnet_id", "gateway_id"),
    ),
    read=Read(
        Call(
            "describe_route_tables",
            {
                "Filters": [
                    {"Name": "association.route-table-association-id", "Values": ["$id"]},
                ]
            },
        ),
        "RouteTables[0]",
    ),
    delete=Call("disassociate_route_table", {"AssociationId": "$id"}),
    identity="@AssociationId",
    forces=words("subnet_id gateway_id route_table_id"),
)

VPC_ENDPOINT = ResourceType(
    service="ec2",
    create=Call("create_vpc_endpoint", tagged("vpc-endpoint"), fields=None),
    read=Read(
        Call("describe_vpc_endpoints", {"VpcEndpointIds": ["$id"]}),
        "VpcEndpoints[0]",
        gone="State=='deleted'",
    ),
    delete=Call("delete_vpc_endpoints", {"VpcEndpointIds": ["$id"]}),
    identity="@VpcEndpoint.VpcEndpointId",
    names={"policy": "PolicyDocument"},
    defaults={"vpc_endpoint_type": "Gateway"},
    forces=words("vpc_id service_name vpc_endpoint_type service_region"),
    changes=(
        Change(
            _change_endpoint,
            (
                "route_table_ids",
                "subnet_ids",
                "security_group_ids",
                "policy",
                "private_dns_enabled",
            ),
        ),
    ),
    computed={
        "arn": arn("ec2", "vpc-endpoint/{id}"),
        "dns_entry": "@DnsEntries",
        "security_group_ids": "@Groups[].GroupId",
    },
    tagging="ec2",
    ready=Ready("State", ("available", "Available"), ("failed",)),
)

FLOW_LOG = ResourceType(
    service="ec2",
    create=Call(
        "create_flow_logs",
        {
            "ResourceIds": lambda values: [_flow_log_target(values)[0]],
            "ResourceType": lambda values: _flow_log_target(values)[1],
            **tagged("vpc-flow-log"),
        },
        fields=(
            "traffic_type",
            "log_destination",
            "log_destination_type",
            "log_format",
            "iam_role_arn",
            "max_aggregation_interval",
        ),
    ),
    read=Read(Call("describe_flow_logs", {"FlowLogIds": ["$id"]}), "FlowLogs[0]"),
    delete=Call("delete_flow_logs", {"FlowLogIds": ["$id"]}),
    identity="@FlowLogIds[0]",
    names={"iam_role_arn": "DeliverLogsPermissionArn"},
    handles=words("vpc_id subnet_id eni_id"),
    defaults={"log_destination_type": "cloud-watch-logs", "max_aggregation_interval": 600},
    forces=words(
        "vpc_id subnet_id eni_id traffic_type log_destination log_destination_type log_format"
        " iam_role_arn max_aggregation_interval destination_options"
    ),
    computed={"arn": arn("ec2", "vpc-flow-log/{id}")},
    tagging="ec2",
)

TYPES: Mapping[str, ResourceType] = {
    "aws_route_table": ROUTE_TABLE,
    "aws_route": ROUTE,
    "aws_route_table_association": ASSOCIATION,
    "aws_vpc_endpoint": VPC_ENDPOINT,
    "aws_flow_log": FLOW_LOG,
}
