"""CloudFront distributions, origin access and the policies they name."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness import polling
from harness.provision.standin.mapping import Change, Read, ResourceType, Values, words
from harness.provision.standin.mappings.common import MANAGED
from harness.provision.standin.shapes import encode

if TYPE_CHECKING:
    from harness.provision.standin.cloud import Session

_DEPLOY_LIMIT_SECONDS = 1800.0
_POLL_SECONDS = 2.0
# Every distribution's alias target is in this zone; documented, the same in every account.
_ZONE = "Z2FDTNDATAQYW2"

_NAMES = {
    "access_control_allow_credentials": "AccessControlAllowCredentials",
    "custom_error_response": "CustomErrorResponses",
    "default_ttl": "DefaultTTL",
    "geo_restriction": "GeoRestriction",
    "is_ipv6_enabled": "IsIPV6Enabled",
    "lambda_arn": "LambdaFunctionARN",
    "locations": "Items",
    "logging_config": "Logging",
    "max_ttl": "MaxTTL",
    "min_ttl": "MinTTL",
    "ordered_cache_behavior": "CacheBehaviors",
    "name": "HeaderName",
    "origin_group": "OriginGroups",
    "origin_id": "Id",
    "status_codes": "StatusCodes",
    "value": "HeaderValue",
}
_ATTRIBUTES = tuple(
    "aliases comment custom_error_response default_cache_behavior default_root_object enabled"
    " http_version is_ipv6_enabled logging_config ordered_cache_behavior origin origin_group"
    " price_class restrictions viewer_certificate web_acl_id".split()
)


def _behavior(block: Mapping[str, Any]) -> dict[str, Any]:
    """Return a behavior with both kinds of methods where the API nests the second in the first."""
    changed = dict(block)
    cached = changed.pop("cached_methods", None) or []
    methods = changed.get("allowed_methods") or []
    changed["allowed_methods"] = {
        "quantity": len(methods),
        "items": list(methods),
        "cached_methods": list(cached),
    }
    for name in ("trusted_key_groups", "trusted_signers"):
        listed = changed.pop(name, None) or []
        if listed:
            changed[name] = {"enabled": True, "quantity": len(listed), "items": list(listed)}
    return changed


def configuration(session: Session, values: Values) -> dict[str, Any]:
    """Return the API's distribution configuration of a resource's attributes."""
    given = {name: values.get(name) for name in _ATTRIBUTES}
    for name in ("default_cache_behavior", "ordered_cache_behavior"):
        given[name] = [_behavior(block) for block in given[name] or []]
    restrictions = [
        {
            "geo_restriction": {
                "restriction_type": geo["restriction_type"],
                "quantity": len(geo.get("locations") or []),
                "locations": geo.get("locations") or None,
            }
        }
        for block in given["restrictions"] or []
        for geo in block.get("geo_restriction") or []
    ]
    given["restrictions"] = restrictions
    shape = session.shape("cloudfront", "create_distribution").members["DistributionConfig"]
    config: dict[str, Any] = encode(shape, given, _NAMES)
    config.setdefault("Comment", "")
    if config.get("Logging") is not None:
        config["Logging"] = {
            "IncludeCookies": False,
            "Prefix": "",
            **config["Logging"],
            "Enabled": True,
        }
    for origin in config["Origins"]["Items"]:
        origin.setdefault("OriginPath", "")
        if "S3OriginConfig" not in origin and "CustomOriginConfig" not in origin:
            origin["S3OriginConfig"] = {"OriginAccessIdentity": ""}
    return config


def _create(session: Session, wanted: Values, prior: Values | None) -> Any:
    config = {"CallerReference": uuid.uuid4().hex, **configuration(session, wanted)}
    return session.call(
        "cloudfront",
        "create_distribution_with_tags",
        DistributionConfigWithTags={
            "DistributionConfig": config,
            "Tags": {"Items": wanted["tag_list"]},
        },
    )


def _update(session: Session, wanted: Values, prior: Values | None) -> None:
    held = session.call("cloudfront", "get_distribution_config", Id=wanted["id"])
    config = {
        **held["DistributionConfig"],
        **configuration(session, wanted),
    }
    session.call(
        "cloudfront",
        "update_distribution",
        Id=wanted["id"],
        IfMatch=held["ETag"],
        DistributionConfig=config,
    )


def _delete(session: Session, wanted: Values, prior: Values | None) -> None:
    identifier = wanted["id"]
    held = session.call("cloudfront", "get_distribution_config", Id=identifier)
    tag = held["ETag"]
    if held["DistributionConfig"]["Enabled"]:
        # Only a disabled distribution may be deleted, and only once that has reached every edge.
        tag = session.call(
            "cloudfront",
            "update_distribution",
            Id=identifier,
            IfMatch=tag,
            DistributionConfig={**held["DistributionConfig"], "Enabled": False},
        )["ETag"]
        polling.wait_until(
            lambda: (
                session.find("cloudfront", "get_distribution", "Distribution.Status", Id=identifier)
                == "Deployed"
            ),
            what=f"the distribution {identifier} to be disabled",
            limit_seconds=_DEPLOY_LIMIT_SECONDS,
            interval_seconds=_POLL_SECONDS,
        )
    session.call("cloudfront", "delete_distribution", Id=identifier, IfMatch=tag)


def _read(session: Session, wanted: Values, prior: Values | None) -> Any:
    answer = session.call("cloudfront", "get_distribution", Id=wanted["id"])
    distribution = answer["Distribution"]
    shown: dict[str, Any] = {
        **_shown_configuration(distribution["DistributionConfig"]),
        "DomainName": distribution["DomainName"],
        "Status": distribution["Status"],
        "Arn": distribution["ARN"],
        "Etag": answer.get("ETag"),
        "LastModifiedTime": str(distribution.get("LastModifiedTime", "")),
        "InProgressValidationBatches": distribution.get("InProgressInvalidationBatches", 0),
    }
    return shown


def _shown_configuration(config: Mapping[str, Any]) -> dict[str, Any]:
    shown = dict(config)
    behaviors = [config["DefaultCacheBehavior"]]
    shown["DefaultCacheBehavior"] = _shown_behavior(behaviors[0])
    ordered = (config.get("CacheBehaviors") or {}).get("Items") or []
    shown["CacheBehaviors"] = [_shown_behavior(behavior) for behavior in ordered]
    logging = config.get("Logging") or {}
    if not logging.get("Enabled"):
        shown["Logging"] = []
    return shown


def _shown_behavior(behavior: Mapping[str, Any]) -> dict[str, Any]:
    methods = behavior.get("AllowedMethods") or {}
    return {
        **{k: v for k, v in behavior.items() if k not in ("TrustedKeyGroups", "TrustedSigners")},
        "AllowedMethods": list(methods.get("Items") or []),
        "CachedMethods": list((methods.get("CachedMethods") or {}).get("Items") or []),
    }


_BEHAVIOR_DEFAULTS = {"compress": False, "min_ttl": 0}

DISTRIBUTION = ResourceType(
    service="cloudfront",
    create=_create,
    read=Read(_read),
    delete=_delete,
    identity="@Distribution.Id",
    names=_NAMES,
    handles=words(" ".join(_ATTRIBUTES)),
    defaults={
        "http_version": "http2",
        "is_ipv6_enabled": False,
        "price_class": "PriceClass_All",
        "retain_on_delete": False,
        "staging": False,
        "wait_for_deployment": True,
        "origin.connection_attempts": 3,
        "origin.connection_timeout": 10,
        "origin.custom_origin_config.origin_keepalive_timeout": 5,
        "origin.custom_origin_config.origin_read_timeout": 30,
        "viewer_certificate.minimum_protocol_version": "TLSv1",
        **{
            f"{block}.{name}": value
            for block in ("default_cache_behavior", "ordered_cache_behavior")
            for name, value in _BEHAVIOR_DEFAULTS.items()
        },
    },
    forces=words("staging"),
    changes=(Change(_update, _ATTRIBUTES),),
    computed={"arn": "@Arn", "hosted_zone_id": _ZONE, "logging_v1_enabled": "@Logging.Enabled"},
    volatile=words("etag last_modified_time status"),
    unread=words("trusted_key_groups trusted_signers restrictions"),
    tagging="cloudfront",
)


def _versioned(
    operation: str, wrapper: str, fields: tuple[str, ...], path: str, **more: Any
) -> ResourceType:
    """Return the mapping of a thing that is written whole, under an ETag."""

    def config(session: Session, values: Values) -> dict[str, Any]:
        shape = session.shape("cloudfront", f"create_{operation}").members[wrapper]
        return {wrapper: encode(shape, {name: values.get(name) for name in fields}, {})}

    def create(session: Session, wanted: Values, prior: Values | None) -> Any:
        return session.call("cloudfront", f"create_{operation}", **config(session, wanted))

    def tag(session: Session, identifier: str) -> str:
        found = session.call("cloudfront", f"get_{operation}", Id=identifier)
        return str(found["ETag"])

    def update(session: Session, wanted: Values, prior: Values | None) -> None:
        held = tag(session, wanted["id"])
        given = config(session, wanted)
        session.call("cloudfront", f"update_{operation}", Id=wanted["id"], IfMatch=held, **given)

    def delete(session: Session, wanted: Values, prior: Values | None) -> None:
        held = tag(session, wanted["id"])
        session.call("cloudfront", f"delete_{operation}", Id=wanted["id"], IfMatch=held)

    def read(session: Session, wanted: Values, prior: Values | None) -> Any:
        answer = session.call("cloudfront", f"get_{operation}", Id=wanted["id"])
        held = answer[path]
        return {**held[wrapper], "Etag": answer.get("ETag")}

    return ResourceType(
        service="cloudfront",
        create=create,
        read=Read(read),
        delete=delete,
        identity=f"@{path}.Id",
        handles=words(" ".join(fields)),
        changes=(Change(update, fields),),
        volatile=words("etag"),
        **more,
    )


TYPES: Mapping[str, ResourceType] = {
    "aws_cloudfront_distribution": DISTRIBUTION,
    "aws_cloudfront_origin_access_control": _versioned(
        "origin_access_control",
        "OriginAccessControlConfig",
        (
            "name",
            "description",
            "origin_access_control_origin_type",
            "signing_behavior",
            "signing_protocol",
        ),
        "OriginAccessControl",
        defaults={"description": MANAGED},
    ),
    "aws_cloudfront_cache_policy": _versioned(
        "cache_policy",
        "CachePolicyConfig",
        (
            "name",
            "comment",
            "default_ttl",
            "max_ttl",
            "min_ttl",
            "parameters_in_cache_key_and_forwarded_to_origin",
        ),
        "CachePolicy",
        defaults={"default_ttl": 86400, "max_ttl": 31536000, "min_ttl": 0},
    ),
    "aws_cloudfront_response_headers_policy": _versioned(
        "response_headers_policy",
        "ResponseHeadersPolicyConfig",
        (
            "name",
            "comment",
            "cors_config",
            "custom_headers_config",
            "remove_headers_config",
            "security_headers_config",
            "server_timing_headers_config",
        ),
        "ResponseHeadersPolicy",
    ),
}
