"""Route 53 zones and records, ACM certificates."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness import polling
from harness.provision.standin.mapping import Call, Change, Read, ResourceType, Values, words
from harness.provision.standin.mappings.common import MANAGED, is_same_name, set_difference
from harness.provision.standin.wire import UNKNOWN

if TYPE_CHECKING:
    from harness.provision.standin.cloud import Session

_ISSUE_LIMIT_SECONDS = 300.0
_POLL_SECONDS = 1.0


def _create_zone(session: Session, wanted: Values, prior: Values | None) -> Any:
    networks = wanted.get("vpc") or []
    params: dict[str, Any] = {
        "Name": wanted["name"],
        "CallerReference": uuid.uuid4().hex,
        "HostedZoneConfig": {"Comment": wanted.get("comment") or "", "PrivateZone": bool(networks)},
    }
    if networks:
        params["VPC"] = _network(session, networks[0])
    answer = session.call("route53", "create_hosted_zone", **params)
    identifier = answer["HostedZone"]["Id"].rsplit("/", maxsplit=1)[-1]
    for network in networks[1:]:
        session.call(
            "route53",
            "associate_vpc_with_hosted_zone",
            HostedZoneId=identifier,
            VPC=_network(session, network),
        )
    return {"id": identifier}


def _network(session: Session, block: Mapping[str, Any]) -> dict[str, str]:
    return {"VPCId": block["vpc_id"], "VPCRegion": block.get("vpc_region") or session.region}


def _change_networks(session: Session, wanted: Values, prior: Values | None) -> None:
    added, removed = set_difference("vpc", wanted, prior)
    for operation, blocks in (
        ("associate_vpc_with_hosted_zone", added),
        ("disassociate_vpc_from_hosted_zone", removed),
    ):
        for block in blocks:
            session.call(
                "route53", operation, HostedZoneId=wanted["id"], VPC=_network(session, block)
            )


def _read_zone(session: Session, wanted: Values, prior: Values | None) -> Any:
    answer = session.call("route53", "get_hosted_zone", Id=wanted["id"])
    servers = (answer.get("DelegationSet") or {}).get("NameServers") or []
    return {
        "Name": answer["HostedZone"]["Name"].rstrip("."),
        "Comment": (answer["HostedZone"].get("Config") or {}).get("Comment", ""),
        "NameServers": sorted(servers),
        "Vpc": [
            {"VpcId": entry["VPCId"], "VpcRegion": entry["VPCRegion"]}
            for entry in answer.get("VPCs") or []
        ],
    }


def _delete_zone(session: Session, wanted: Values, prior: Values | None) -> None:
    if wanted.get("force_destroy"):
        pages = session.client("route53").get_paginator("list_resource_record_sets")
        for page in pages.paginate(HostedZoneId=wanted["id"]):
            for record in page["ResourceRecordSets"]:
                own = record["Name"].rstrip(".") == wanted["name"].rstrip(".")
                if not (own and record["Type"] in ("NS", "SOA")):
                    _change(session, wanted["id"], "DELETE", record)
    session.call("route53", "delete_hosted_zone", Id=wanted["id"])


def _change(session: Session, zone: str, action: str, record: Mapping[str, Any]) -> None:
    session.call(
        "route53",
        "change_resource_record_sets",
        HostedZoneId=zone,
        ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": dict(record)}]},
    )


def _full_name(session: Session, values: Values) -> str:
    zone = session.find("route53", "get_hosted_zone", "HostedZone.Name", Id=values["zone_id"])
    suffix = str(zone or "").rstrip(".")
    name = str(values["name"]).rstrip(".").lower()
    return name if name == suffix or name.endswith(f".{suffix}") else f"{name}.{suffix}".lstrip(".")


def record_set(values: Values, name: str) -> dict[str, Any]:
    """Return the API's record of a resource's attributes under its full name."""
    record: dict[str, Any] = {"Name": name, "Type": values["type"]}
    if values.get("ttl") is not None:
        record["TTL"] = int(values["ttl"])
    if values.get("records"):
        record["ResourceRecords"] = [{"Value": _quoted(values, v)} for v in values["records"]]
    for block in values.get("alias") or []:
        record["AliasTarget"] = {
            "DNSName": block["name"],
            "HostedZoneId": block["zone_id"],
            "EvaluateTargetHealth": block["evaluate_target_health"],
        }
    for attribute, member in (
        ("set_identifier", "SetIdentifier"),
        ("health_check_id", "HealthCheckId"),
    ):
        if values.get(attribute):
            record[member] = values[attribute]
    for block in values.get("weighted_routing_policy") or []:
        record["Weight"] = int(block["weight"])
    for block in values.get("failover_routing_policy") or []:
        record["Failover"] = block["type"]
    return record


def _quoted(values: Values, text: str) -> str:
    quoted = values["type"] in ("TXT", "SPF") and not text.startswith('"')
    return f'"{text}"' if quoted else text


def _upsert(session: Session, wanted: Values, prior: Values | None) -> Any:
    # Creating is refused by the API where the record exists, unless the configuration allows it.
    action = "UPSERT" if prior is not None or wanted.get("allow_overwrite") else "CREATE"
    _change(session, wanted["zone_id"], action, record_set(wanted, _full_name(session, wanted)))
    return {}


def _find_record(session: Session, wanted: Values) -> Any:
    name = _full_name(session, wanted)
    listed = session.find(
        "route53",
        "list_resource_record_sets",
        "ResourceRecordSets",
        HostedZoneId=wanted["zone_id"],
        StartRecordName=name,
        StartRecordType=wanted["type"],
    )
    return next(
        (
            record
            for record in listed or []
            if is_same_name(name, record["Name"])
            and record["Type"] == wanted["type"]
            and record.get("SetIdentifier") == (wanted.get("set_identifier") or None)
        ),
        None,
    )


def _read_record(session: Session, wanted: Values, prior: Values | None) -> Any:
    record = _find_record(session, wanted)
    if record is None:
        return None
    held = (wanted.get("alias") or [{}])[0]
    target = record.get("AliasTarget")
    shown: dict[str, Any] = {
        "Ttl": record.get("TTL"),
        "Fqdn": _full_name(session, wanted),
        "Records": [_unquoted(wanted, r["Value"]) for r in record.get("ResourceRecords") or []],
        "HealthCheckId": record.get("HealthCheckId"),
    }
    if target:
        name = target["DNSName"]
        shown["Alias"] = {
            "Name": held["name"] if is_same_name(held.get("name") or "", name) else name,
            "ZoneId": target["HostedZoneId"],
            "EvaluateTargetHealth": target["EvaluateTargetHealth"],
        }
    return shown


def _unquoted(values: Values, text: str) -> str:
    return text.strip('"') if values["type"] in ("TXT", "SPF") else text


def _delete_record(session: Session, wanted: Values, prior: Values | None) -> None:
    record = _find_record(session, wanted)
    if record is not None:
        _change(session, wanted["zone_id"], "DELETE", record)


_RECORD_VALUES = (
    "alias",
    "failover_routing_policy",
    "health_check_id",
    "records",
    "ttl",
    "weighted_routing_policy",
)

ZONE = ResourceType(
    service="route53",
    create=_create_zone,
    read=Read(_read_zone),
    delete=_delete_zone,
    identity="@id",
    handles=words("name comment vpc"),
    defaults={"comment": MANAGED, "force_destroy": False},
    forces=words("name delegation_set_id"),
    changes=(
        Change(
            Call("update_hosted_zone_comment", {"Id": "$id", "Comment": "$comment"}), ("comment",)
        ),
        Change(_change_networks, ("vpc",)),
    ),
    computed={
        "arn": "arn:aws:route53:::hostedzone/{id}",
        "zone_id": "{id}",
        "primary_name_server": "@NameServers[0]",
    },
    tagging="route53_zone",
)

RECORD = ResourceType(
    service="route53",
    create=_upsert,
    read=Read(_read_record),
    delete=_delete_record,
    identity="{zone_id}_{name}_{type}",
    handles=words("zone_id name type set_identifier " + " ".join(_RECORD_VALUES)),
    forces=words("zone_id name type set_identifier"),
    changes=(Change(_upsert, _RECORD_VALUES),),
)


def _plan_certificate(state: Values, prior: Values | None) -> Values:
    """Say what validation will ask for: its domains are known before the certificate is made."""
    domain, names = state.get("domain_name"), state.get("subject_alternative_names")
    if domain is UNKNOWN or domain is None:
        return state
    if names is UNKNOWN or names is None:
        names = [domain]
    every = list(dict.fromkeys([domain, *names]))
    planned = {**state, "subject_alternative_names": sorted(every)}
    if prior is None and UNKNOWN not in every and state.get("validation_method") == "DNS":
        planned["domain_validation_options"] = [
            {
                "domain_name": name,
                "resource_record_name": UNKNOWN,
                "resource_record_type": UNKNOWN,
                "resource_record_value": UNKNOWN,
            }
            for name in every
        ]
    return planned


def _validation_options(session: Session, values: Values, found: Mapping[str, Any]) -> list[Values]:
    shown = []
    for option in found.get("DomainValidationOptions") or []:
        record = option.get("ResourceRecord") or {}
        shown.append(
            {
                "domain_name": option["DomainName"],
                "resource_record_name": record.get("Name"),
                "resource_record_type": record.get("Type"),
                "resource_record_value": record.get("Value"),
            }
        )
    return shown


def _request(session: Session, wanted: Values, prior: Values | None) -> Any:
    params: dict[str, Any] = {
        "DomainName": wanted["domain_name"],
        "ValidationMethod": wanted.get("validation_method") or "DNS",
        "IdempotencyToken": uuid.uuid4().hex[:32],
    }
    names = wanted.get("subject_alternative_names") or []
    if names:
        params["SubjectAlternativeNames"] = names
    if wanted.get("key_algorithm"):
        params["KeyAlgorithm"] = wanted["key_algorithm"]
    if wanted["tag_list"]:
        params["Tags"] = wanted["tag_list"]
    arn = session.call("acm", "request_certificate", **params)["CertificateArn"]
    # The records to write for validation come a moment after the certificate.
    polling.wait_until(
        lambda: (
            session.find(
                "acm",
                "describe_certificate",
                "Certificate.DomainValidationOptions[0].ResourceRecord",
                CertificateArn=arn,
            )
            or params["ValidationMethod"] != "DNS"
        ),
        what=f"the validation records of {wanted['domain_name']}",
        limit_seconds=_ISSUE_LIMIT_SECONDS,
        interval_seconds=_POLL_SECONDS,
    )
    return {"CertificateArn": arn}


CERTIFICATE = ResourceType(
    service="acm",
    create=_request,
    read=Read(Call("describe_certificate", {"CertificateArn": "$id"}), "Certificate"),
    delete=Call("delete_certificate", {"CertificateArn": "$id"}),
    identity="@CertificateArn",
    handles=words("domain_name subject_alternative_names validation_method key_algorithm"),
    plan=_plan_certificate,
    forces=words(
        "domain_name subject_alternative_names validation_method key_algorithm options"
        " certificate_authority_arn validation_option"
    ),
    computed={
        "arn": "{id}",
        "domain_validation_options": _validation_options,
        "validation_emails": lambda session, values, found: [],
    },
    unread=words(
        "key_algorithm renewal_summary options not_after not_before validation_option status"
        " validation_method type renewal_eligibility"
    ),
    tagging="acm",
)


def _wait_issued(session: Session, wanted: Values, prior: Values | None) -> Any:
    arn = wanted["certificate_arn"]

    def issued() -> bool:
        path = "Certificate.Status"
        return bool(
            session.find("acm", "describe_certificate", path, CertificateArn=arn) == "ISSUED"
        )

    polling.wait_until(
        issued,
        what=f"the certificate {arn} to be issued",
        limit_seconds=_ISSUE_LIMIT_SECONDS,
        interval_seconds=_POLL_SECONDS,
        hint="see that its validation records are in a zone that is served",
    )
    return {"id": arn}


VALIDATION = ResourceType(
    service="acm",
    create=_wait_issued,
    read=Read(
        Call("describe_certificate", {"CertificateArn": "$certificate_arn"}),
        "Certificate",
        gone="Status!='ISSUED'",
    ),
    delete=None,
    identity="@id",
    handles=words("certificate_arn validation_record_fqdns"),
    forces=words("certificate_arn validation_record_fqdns"),
    unread=words("validation_record_fqdns certificate_arn"),
)

TYPES: Mapping[str, ResourceType] = {
    "aws_route53_zone": ZONE,
    "aws_route53_record": RECORD,
    "aws_acm_certificate": CERTIFICATE,
    "aws_acm_certificate_validation": VALIDATION,
}
