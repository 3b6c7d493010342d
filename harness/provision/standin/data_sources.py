"""Data sources of the stand-in: what they find, by type.

Those that describe the account itself are answered without an API where there is none, so that
a configuration can be planned with no emulator running.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from harness.errors import EnvironmentUnavailable
from harness.provision.standin import policy_document
from harness.provision.standin.values import full

if TYPE_CHECKING:
    from harness.provision.standin.cloud import Session

Values = dict[str, Any]
Reader = Callable[["Session", Values], Values]

_OFFLINE_ACCOUNT = "000000000000"
_ZONES = ("a", "b", "c")
# Documented identifiers of CloudFront's managed policies; they are the same in every account.
_CACHE_POLICIES = {
    "Managed-CachingOptimized": "658327ea-f89d-4fab-a63d-7e88639e58f6",
    "Managed-CachingDisabled": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
    "Managed-CachingOptimizedForUncompressedObjects": "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
}
_REQUEST_POLICIES = {
    "Managed-AllViewer": "216adef6-5c7f-47e4-b989-5492eafa07d3",
    "Managed-AllViewerExceptHostHeader": "b689b0a8-53d0-40ab-baf2-68738e2966ac",
    "Managed-CORS-S3Origin": "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf",
    "Managed-CORS-CustomOrigin": "59781a5b-3903-41f3-afcb-af62929ccde1",
}
_HEADERS_POLICIES = {
    "Managed-SecurityHeadersPolicy": "67f7725c-6f97-4210-82d7-5512b31e9d03",
    "Managed-SimpleCORS": "60669652-455b-4ae9-85a4-c4c02393f86c",
    "Managed-CORS-with-preflight-and-SecurityHeadersPolicy": "eaab4381-ed33-4a86-88ca-d9558dc6cd63",
}


def read(session: Session, name: str, block: Mapping[str, Any], config: Values) -> Values:
    """Return the whole state of a data source.

    Raises EnvironmentUnavailable for a type that is not here, and where an API is needed and
    there is none.
    """
    if name not in READERS:
        raise EnvironmentUnavailable(
            f"{name}: the stand-in provider does not have this data source. Next step: use the "
            "real provider (--mirror DIR), or give the value as a variable."
        )
    if session.offline and name not in OFFLINE:
        raise EnvironmentUnavailable(
            f"{name}: reads from the account, and no emulator was named. "
            "Next step: python -m harness up, or --endpoint URL."
        )
    found = READERS[name](session, config)
    state = {**config, **found}
    if "region" in block["attributes"] and not state.get("region"):
        state["region"] = session.region
    return full(block, state)


def _caller(session: Session, config: Values) -> Values:
    if session.offline:
        arn = f"arn:aws:iam::{_OFFLINE_ACCOUNT}:root"
        return {
            "account_id": _OFFLINE_ACCOUNT,
            "arn": arn,
            "user_id": _OFFLINE_ACCOUNT,
            "id": _OFFLINE_ACCOUNT,
        }
    found = session.call("sts", "get_caller_identity")
    return {
        "account_id": found["Account"],
        "arn": found["Arn"],
        "user_id": found["UserId"],
        "id": found["Account"],
    }


def _region(session: Session, config: Values) -> Values:
    region = config.get("region") or config.get("name") or session.region
    return {
        "name": region,
        "region": region,
        "id": region,
        "description": region,
        "endpoint": f"ec2.{region}.amazonaws.com",
    }


def _partition(session: Session, config: Values) -> Values:
    return {
        "partition": "aws",
        "id": "aws",
        "dns_suffix": "amazonaws.com",
        "reverse_dns_prefix": "com.amazonaws",
    }


def _zones(session: Session, config: Values) -> Values:
    region = config.get("region") or session.region
    if session.offline:
        names = [f"{region}{letter}" for letter in _ZONES]
        ids = [f"{_short(region)}-az{n}" for n in range(1, len(names) + 1)]
    else:
        found = session.at(region).call("ec2", "describe_availability_zones")["AvailabilityZones"]
        names = [zone["ZoneName"] for zone in found]
        ids = [zone.get("ZoneId", "") for zone in found]
    excluded = set(config.get("exclude_names") or [])
    kept = [(name, id_) for name, id_ in zip(names, ids, strict=True) if name not in excluded]
    return {
        "names": [name for name, _ in kept],
        "zone_ids": [id_ for _, id_ in kept],
        "group_names": [region],
        "id": region,
    }


def _short(region: str) -> str:
    area, side, number = region.split("-")
    return f"{area}{side[0]}{number}"


def _policy_document(session: Session, config: Values) -> Values:
    text = policy_document.render(config)
    small = json.dumps(json.loads(text), separators=(",", ":"))
    return {"json": text, "minified_json": small, "id": str(zlib.crc32(small.encode()))}


def _managed(table: Mapping[str, str]) -> Reader:
    def find(session: Session, config: Values) -> Values:
        names = {identifier: name for name, identifier in table.items()}
        identifier = config.get("id") or table.get(config.get("name") or "")
        if identifier not in names:
            raise EnvironmentUnavailable(
                f"expected one of the managed policies {', '.join(sorted(table))}, got "
                f"{config.get('name') or config.get('id')!r}"
            )
        return {"id": identifier, "name": names[identifier], "etag": "managed"}

    return find


def _prefix_list(session: Session, config: Values) -> Values:
    filters = (
        [{"Name": "prefix-list-name", "Values": [config["name"]]}] if config.get("name") else []
    )
    found = session.find("ec2", "describe_managed_prefix_lists", "PrefixLists[0]", Filters=filters)
    if found is None:
        raise EnvironmentUnavailable(f"no managed prefix list is named {config.get('name')!r}")
    return {
        "id": found["PrefixListId"],
        "arn": found.get("PrefixListArn"),
        "name": found["PrefixListName"],
        "max_entries": found.get("MaxEntries"),
        "owner_id": found.get("OwnerId"),
        "version": found.get("Version"),
        "address_family": found.get("AddressFamily"),
        "entries": [],
        "tags": {},
    }


def _zone(session: Session, config: Values) -> Values:
    if config.get("zone_id"):
        zone = session.call("route53", "get_hosted_zone", Id=config["zone_id"])["HostedZone"]
    else:
        wanted = str(config["name"]).rstrip(".")
        private = bool(config.get("private_zone"))
        listed = session.call("route53", "list_hosted_zones")["HostedZones"]
        zone = next(
            (
                z
                for z in listed
                if z["Name"].rstrip(".") == wanted
                and bool(z.get("Config", {}).get("PrivateZone")) == private
            ),
            None,
        )
        if zone is None:
            raise EnvironmentUnavailable(f"no hosted zone is named {wanted!r}")
    identifier = zone["Id"].rsplit("/", maxsplit=1)[-1]
    servers = session.find("route53", "get_hosted_zone", "DelegationSet.NameServers", Id=identifier)
    return {
        "id": identifier,
        "zone_id": identifier,
        "arn": f"arn:aws:route53:::hostedzone/{identifier}",
        "name": zone["Name"].rstrip("."),
        "name_servers": servers or [],
        "comment": zone.get("Config", {}).get("Comment"),
        "tags": {},
    }


def _parameter(session: Session, config: Values) -> Values:
    found = session.call("ssm", "get_parameter", Name=config["name"], WithDecryption=True)
    value = found["Parameter"]
    return {
        "id": value["Name"],
        "arn": value.get("ARN"),
        "type": value["Type"],
        "value": value["Value"],
        "insecure_value": value["Value"],
        "version": value.get("Version"),
    }


READERS: Mapping[str, Reader] = {
    "aws_availability_zones": _zones,
    "aws_caller_identity": _caller,
    "aws_cloudfront_cache_policy": _managed(_CACHE_POLICIES),
    "aws_cloudfront_origin_request_policy": _managed(_REQUEST_POLICIES),
    "aws_cloudfront_response_headers_policy": _managed(_HEADERS_POLICIES),
    "aws_ec2_managed_prefix_list": _prefix_list,
    "aws_iam_policy_document": _policy_document,
    "aws_partition": _partition,
    "aws_region": _region,
    "aws_route53_zone": _zone,
    "aws_ssm_parameter": _parameter,
}
OFFLINE = frozenset(
    "aws_availability_zones aws_caller_identity aws_cloudfront_cache_policy"
    " aws_cloudfront_origin_request_policy aws_cloudfront_response_headers_policy"
    " aws_iam_policy_document aws_partition aws_region".split()
)
