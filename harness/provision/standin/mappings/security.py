"""Security groups and their rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from harness.provision.standin.mapping import (
    Call,
    Change,
    Computed,
    Hook,
    Read,
    ResourceType,
    Values,
    words,
)
from harness.provision.standin.mappings.common import MANAGED, arn, tagged

if TYPE_CHECKING:
    from harness.provision.standin.cloud import Session

_EVERYWHERE = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def permissions(rules: list[Mapping[str, Any]], group: str) -> list[dict[str, Any]]:
    """Return inline rules as the API's permissions; ``group`` stands for ``self``."""
    return [_permission(rule, group) for rule in rules]


def _permission(rule: Mapping[str, Any], group: str) -> dict[str, Any]:
    permission: dict[str, Any] = {"IpProtocol": str(rule["protocol"])}
    if rule["protocol"] not in ("-1", "all"):
        permission.update(FromPort=int(rule["from_port"]), ToPort=int(rule["to_port"]))
    note = {"Description": rule["description"]} if rule.get("description") else {}
    groups = [*(rule.get("security_groups") or []), *([group] if rule.get("self") else [])]
    for member, key, values in (
        ("IpRanges", "CidrIp", rule.get("cidr_blocks")),
        ("Ipv6Ranges", "CidrIpv6", rule.get("ipv6_cidr_blocks")),
        ("PrefixListIds", "PrefixListId", rule.get("prefix_list_ids")),
        ("UserIdGroupPairs", "GroupId", groups),
    ):
        if values:
            permission[member] = [{key: value, **note} for value in values]
    return permission


def inline_rules(shown: list[Mapping[str, Any]], group: str) -> list[Values]:
    """Return the API's permissions as inline rules, one for each description, as configured."""
    return [rule for permission in shown for rule in _inline(permission, group)]


def _inline(permission: Mapping[str, Any], group: str) -> Iterator[Values]:
    kinds = (
        ("IpRanges", "CidrIp", "cidr_blocks"),
        ("Ipv6Ranges", "CidrIpv6", "ipv6_cidr_blocks"),
        ("PrefixListIds", "PrefixListId", "prefix_list_ids"),
        ("UserIdGroupPairs", "GroupId", "security_groups"),
    )
    notes: dict[str, Values] = {}
    for member, key, attribute in kinds:
        for entry in permission.get(member) or []:
            rule = notes.setdefault(
                entry.get("Description", ""),
                {
                    "protocol": permission["IpProtocol"],
                    "from_port": permission.get("FromPort", 0),
                    "to_port": permission.get("ToPort", 0),
                    "description": entry.get("Description", ""),
                    "self": False,
                    **{name: [] for _, _, name in kinds},
                },
            )
            if entry[key] == group and attribute == "security_groups":
                rule["self"] = True
            else:
                rule[attribute].append(entry[key])
    yield from notes.values()


def _shown(member: str) -> Computed:
    def read(session: Session, values: Values, found: Mapping[str, Any]) -> list[Values]:
        return inline_rules(found.get(member) or [], values["id"])

    return read


def _write(direction: str) -> Hook:
    def write(session: Session, wanted: Values, prior: Values | None) -> None:
        group = wanted["id"]
        before = (prior or {}).get(direction) or []
        after = wanted.get(direction) or []
        for verb, rules in (
            ("revoke", [r for r in before if r not in after]),
            ("authorize", [r for r in after if r not in before]),
        ):
            if rules:
                operation = f"{verb}_security_group_{direction}"
                session.call(
                    "ec2", operation, GroupId=group, IpPermissions=permissions(rules, group)
                )

    return write


def _create_group(session: Session, wanted: Values, prior: Values | None) -> Any:
    params = {"GroupName": wanted["name"], "Description": wanted["description"] or MANAGED}
    if wanted.get("vpc_id"):
        params["VpcId"] = wanted["vpc_id"]
    tags = tagged("security-group")["TagSpecifications"](wanted)
    answer = session.call(
        "ec2", "create_security_group", **params, **({"TagSpecifications": tags} if tags else {})
    )
    # AWS opens a new group outwards; the provider closes it, so that only what is written counts.
    session.call(
        "ec2",
        "revoke_security_group_egress",
        GroupId=answer["GroupId"],
        IpPermissions=[_EVERYWHERE],
    )
    return answer


def _adopt_group(session: Session, wanted: Values, prior: Values | None) -> Any:
    listed = [
        {"Name": "vpc-id", "Values": [wanted["vpc_id"]]},
        {"Name": "group-name", "Values": ["default"]},
    ]
    group = session.call("ec2", "describe_security_groups", Filters=listed)["SecurityGroups"][0]
    for direction, member in (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress")):
        if group.get(member):
            session.call(
                "ec2",
                f"revoke_security_group_{direction}",
                GroupId=group["GroupId"],
                IpPermissions=group[member],
            )
    return group


def _rule(direction: str) -> ResourceType:
    operation = f"authorize_security_group_{direction}"

    def entry(values: Values) -> dict[str, Any]:
        note = {"Description": values["description"]} if values.get("description") else {}
        permission: dict[str, Any] = {"IpProtocol": values["ip_protocol"]}
        if values["ip_protocol"] != "-1":
            for attribute, member in (("from_port", "FromPort"), ("to_port", "ToPort")):
                if values.get(attribute) is not None:
                    permission[member] = int(values[attribute])
        for attribute, member, key in (
            ("cidr_ipv4", "IpRanges", "CidrIp"),
            ("cidr_ipv6", "Ipv6Ranges", "CidrIpv6"),
            ("prefix_list_id", "PrefixListIds", "PrefixListId"),
            ("referenced_security_group_id", "UserIdGroupPairs", "GroupId"),
        ):
            if values.get(attribute):
                permission[member] = [{key: values[attribute], **note}]
        return permission

    def shown_port(attribute: str, member: str) -> Computed:
        def read(session: Session, values: Values, found: Mapping[str, Any]) -> Any:
            port = found.get(member)
            return None if port == -1 and values.get(attribute) is None else port

        return read

    return ResourceType(
        service="ec2",
        create=Call(
            operation,
            {
                "GroupId": "$security_group_id",
                "IpPermissions": lambda values: [entry(values)],
                **tagged("security-group-rule"),
            },
        ),
        read=Read(
            Call("describe_security_group_rules", {"SecurityGroupRuleIds": ["$id"]}),
            "SecurityGroupRules[0]",
        ),
        delete=Call(
            f"revoke_security_group_{direction}",
            {"GroupId": "$security_group_id", "SecurityGroupRuleIds": ["$id"]},
        ),
        identity="@SecurityGroupRules[0].SecurityGroupRuleId",
        names={"security_group_id": "GroupId"},
        handles=words(
            "security_group_id cidr_ipv4 cidr_ipv6 description from_port ip_protocol"
            " prefix_list_id referenced_security_group_id to_port"
        ),
        forces=words(
            "security_group_id cidr_ipv4 cidr_ipv6 ip_protocol from_port to_port prefix_list_id"
            " referenced_security_group_id description"
        ),
        computed={
            "arn": arn("ec2", "security-group-rule/{id}"),
            "security_group_rule_id": "{id}",
            "referenced_security_group_id": "@ReferencedGroupInfo.GroupId",
            "from_port": shown_port("from_port", "FromPort"),
            "to_port": shown_port("to_port", "ToPort"),
        },
        tagging="ec2",
    )


SECURITY_GROUP = ResourceType(
    service="ec2",
    create=_create_group,
    read=Read(Call("describe_security_groups", {"GroupIds": ["$id"]}), "SecurityGroups[0]"),
    delete=Call("delete_security_group", {"GroupId": "$id"}),
    identity="@GroupId",
    names={"name": "GroupName"},
    handles=words("name description vpc_id"),
    defaults={"description": MANAGED, "revoke_rules_on_delete": False},
    forces=words("name description vpc_id"),
    changes=(
        Change(_write("ingress"), ("ingress",), on_create=True),
        Change(_write("egress"), ("egress",), on_create=True),
    ),
    computed={
        "arn": arn("ec2", "security-group/{id}"),
        "ingress": _shown("IpPermissions"),
        "egress": _shown("IpPermissionsEgress"),
    },
    named="name",
    tagging="ec2",
)

DEFAULT_SECURITY_GROUP = ResourceType(
    service="ec2",
    create=_adopt_group,
    read=SECURITY_GROUP.read,
    delete=None,
    identity="@GroupId",
    names=SECURITY_GROUP.names,
    handles=words("vpc_id"),
    defaults={"revoke_rules_on_delete": False},
    forces=words("vpc_id"),
    changes=SECURITY_GROUP.changes,
    computed=SECURITY_GROUP.computed,
    tagging="ec2",
)

TYPES: Mapping[str, ResourceType] = {
    "aws_security_group": SECURITY_GROUP,
    "aws_default_security_group": DEFAULT_SECURITY_GROUP,
    "aws_vpc_security_group_ingress_rule": _rule("ingress"),
    "aws_vpc_security_group_egress_rule": _rule("egress"),
}
