"""Application load balancers and target groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.provision.standin.mapping import (
    Call,
    Change,
    Computed,
    Hook,
    Read,
    Ready,
    ResourceType,
    Values,
    words,
)

if TYPE_CHECKING:
    from harness.provision.standin.cloud import Session

# Attribute to the key of the load balancer attribute that holds it.
_LB_KEYS = {
    "client_keep_alive": "client_keep_alive.seconds",
    "desync_mitigation_mode": "routing.http.desync_mitigation_mode",
    "drop_invalid_header_fields": "routing.http.drop_invalid_header_fields.enabled",
    "enable_cross_zone_load_balancing": "load_balancing.cross_zone.enabled",
    "enable_deletion_protection": "deletion_protection.enabled",
    "enable_http2": "routing.http2.enabled",
    "enable_tls_version_and_cipher_suite_headers": (
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled"
    ),
    "enable_waf_fail_open": "waf.fail_open.enabled",
    "enable_xff_client_port": "routing.http.xff_client_port.enabled",
    "enable_zonal_shift": "zonal_shift.config.enabled",
    "idle_timeout": "idle_timeout.timeout_seconds",
    "preserve_host_header": "routing.http.preserve_host_header.enabled",
    "xff_header_processing_mode": "routing.http.xff_header_processing.mode",
}
_TG_KEYS = {
    "deregistration_delay": "deregistration_delay.timeout_seconds",
    "load_balancing_algorithm_type": "load_balancing.algorithm.type",
    "load_balancing_anomaly_mitigation": "load_balancing.algorithm.anomaly_mitigation",
    "load_balancing_cross_zone_enabled": "load_balancing.cross_zone.enabled",
    "slow_start": "slow_start.duration_seconds",
}
_LOGS = {"access_logs": "access_logs.s3", "connection_logs": "connection_logs.s3"}
_NUMBERS = words("client_keep_alive idle_timeout slow_start")
_FLAGS = frozenset(name for name in _LB_KEYS if name.startswith(("enable_", "drop_", "preserve_")))
_STICKINESS = {
    "enabled": "stickiness.enabled",
    "type": "stickiness.type",
    "cookie_duration": "stickiness.lb_cookie.duration_seconds",
}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) else str(value)


def _lb_attributes(values: Values) -> list[dict[str, str]]:
    pairs = [(key, values.get(name)) for name, key in _LB_KEYS.items()]
    for block_name, prefix in _LOGS.items():
        for block in values.get(block_name) or []:
            pairs.append((f"{prefix}.enabled", bool(block.get("enabled"))))
            if block.get("enabled"):
                pairs.append((f"{prefix}.bucket", block.get("bucket")))
                pairs.append((f"{prefix}.prefix", block.get("prefix") or None))
    return [{"Key": key, "Value": _text(value)} for key, value in pairs if value is not None]


def _tg_attributes(values: Values) -> list[dict[str, str]]:
    pairs = [(key, values.get(name)) for name, key in _TG_KEYS.items()]
    for block in values.get("stickiness") or []:
        pairs += [(key, block.get(name)) for name, key in _STICKINESS.items()]
    return [{"Key": key, "Value": _text(value)} for key, value in pairs if value not in (None, "")]


def _read_with_attributes(listing: str, path: str, attributes: str, argument: str) -> Hook:
    def read(session: Session, wanted: Values, prior: Values | None) -> Any:
        plural = "LoadBalancerArns" if argument == "LoadBalancerArn" else "TargetGroupArns"
        found = session.find("elbv2", listing, path, **{plural: [wanted["id"]]})
        if found is None:
            return None
        listed = session.call("elbv2", attributes, **{argument: wanted["id"]})["Attributes"]
        return {**found, "keys": {entry["Key"]: entry["Value"] for entry in listed}}

    return read


def _by_key(name: str, key: str) -> Computed:
    def read(session: Session, values: Values, found: Mapping[str, Any]) -> Any:
        text = found["keys"].get(key)
        if text is None:
            return values.get(name)
        if name in _FLAGS:
            return text == "true"
        return int(text) if name in _NUMBERS else text

    return read


def _arn_suffix(session: Session, values: Values, found: Mapping[str, Any]) -> str:
    text = values["id"].rsplit(":", maxsplit=1)[-1]
    return str(text.removeprefix("loadbalancer/"))


LOAD_BALANCER = ResourceType(
    service="elbv2",
    create=Call(
        "create_load_balancer",
        {
            "Name": "$name",
            "Scheme": lambda values: "internal" if values.get("internal") else "internet-facing",
            "Type": "$load_balancer_type",
        },
        fields=("subnets", "security_groups", "ip_address_type"),
    ),
    read=Read(
        _read_with_attributes(
            "describe_load_balancers",
            "LoadBalancers[0]",
            "describe_load_balancer_attributes",
            "LoadBalancerArn",
        )
    ),
    delete=Call("delete_load_balancer", {"LoadBalancerArn": "$id"}),
    identity="@LoadBalancers[0].LoadBalancerArn",
    names={"name": "LoadBalancerName", "dns_name": "DNSName"},
    handles=words("internal load_balancer_type name " + " ".join([*_LB_KEYS, *_LOGS])),
    defaults={
        "client_keep_alive": 3600,
        "desync_mitigation_mode": "defensive",
        "drop_invalid_header_fields": False,
        "enable_cross_zone_load_balancing": None,
        "enable_deletion_protection": False,
        "enable_http2": True,
        "enable_tls_version_and_cipher_suite_headers": False,
        "enable_waf_fail_open": False,
        "enable_xff_client_port": False,
        "idle_timeout": 60,
        "load_balancer_type": "application",
        "preserve_host_header": False,
        "xff_header_processing_mode": "append",
        "access_logs.enabled": False,
        "connection_logs.enabled": False,
    },
    forces=words("internal load_balancer_type name"),
    changes=(
        Change(
            Call(
                "modify_load_balancer_attributes",
                {"LoadBalancerArn": "$id", "Attributes": _lb_attributes},
            ),
            (*_LB_KEYS, *_LOGS),
            on_create=True,
        ),
        Change(Call("set_subnets", {"LoadBalancerArn": "$id"}, fields=("subnets",)), ("subnets",)),
        Change(
            Call("set_security_groups", {"LoadBalancerArn": "$id"}, fields=("security_groups",)),
            ("security_groups",),
        ),
        Change(
            Call("set_ip_address_type", {"LoadBalancerArn": "$id"}, fields=("ip_address_type",)),
            ("ip_address_type",),
        ),
    ),
    computed={
        "arn": "{id}",
        "arn_suffix": _arn_suffix,
        "internal": lambda session, values, found: found.get("Scheme") == "internal",
        "load_balancer_type": "@Type",
        "subnets": "@AvailabilityZones[].SubnetId",
        "zone_id": "@CanonicalHostedZoneId",
        **{name: _by_key(name, key) for name, key in _LB_KEYS.items()},
    },
    named="name",
    tagging="elbv2",
    ready=Ready("State.Code", ("active",), ("failed",)),
)


def _health(values: Values) -> dict[str, Any]:
    block: Mapping[str, Any] = next(iter(values.get("health_check") or []), {})
    pairs = (
        ("enabled", "HealthCheckEnabled", bool),
        ("healthy_threshold", "HealthyThresholdCount", int),
        ("interval", "HealthCheckIntervalSeconds", int),
        ("path", "HealthCheckPath", str),
        ("port", "HealthCheckPort", str),
        ("protocol", "HealthCheckProtocol", str),
        ("timeout", "HealthCheckTimeoutSeconds", int),
        ("unhealthy_threshold", "UnhealthyThresholdCount", int),
    )
    params: dict[str, Any] = {
        member: convert(block[name])
        for name, member, convert in pairs
        if block.get(name) not in (None, "")
    }
    if block.get("matcher"):
        params["Matcher"] = {"HttpCode": block["matcher"]}
    return params


def _create_target_group(session: Session, wanted: Values, prior: Values | None) -> Any:
    call = Call(
        "create_target_group",
        {"Name": "$name", **_health(wanted)},
        fields=("port", "protocol", "protocol_version", "vpc_id", "target_type", "ip_address_type"),
    )
    return session.act(call, "elbv2", wanted, None, {}, tags=wanted["tag_map"])


def _change_health(session: Session, wanted: Values, prior: Values | None) -> None:
    session.call("elbv2", "modify_target_group", TargetGroupArn=wanted["id"], **_health(wanted))


def _shown_health(session: Session, values: Values, found: Mapping[str, Any]) -> Any:
    return [
        {
            "enabled": found.get("HealthCheckEnabled", True),
            "healthy_threshold": found.get("HealthyThresholdCount"),
            "interval": found.get("HealthCheckIntervalSeconds"),
            "matcher": (found.get("Matcher") or {}).get("HttpCode"),
            "path": found.get("HealthCheckPath"),
            "port": found.get("HealthCheckPort"),
            "protocol": found.get("HealthCheckProtocol"),
            "timeout": found.get("HealthCheckTimeoutSeconds"),
            "unhealthy_threshold": found.get("UnhealthyThresholdCount"),
        }
    ]


def _shown_stickiness(session: Session, values: Values, found: Mapping[str, Any]) -> Any:
    held = next(iter(values.get("stickiness") or []), None)
    if held is None:
        return []
    keys = found["keys"]
    duration = keys.get(_STICKINESS["cookie_duration"])
    return [
        {
            **held,
            "enabled": keys.get(_STICKINESS["enabled"], "false") == "true",
            "type": keys.get(_STICKINESS["type"], held.get("type")),
            "cookie_duration": int(duration) if duration else held.get("cookie_duration"),
        }
    ]


TARGET_GROUP = ResourceType(
    service="elbv2",
    create=_create_target_group,
    read=Read(
        _read_with_attributes(
            "describe_target_groups",
            "TargetGroups[0]",
            "describe_target_group_attributes",
            "TargetGroupArn",
        )
    ),
    delete=Call("delete_target_group", {"TargetGroupArn": "$id"}),
    identity="@TargetGroups[0].TargetGroupArn",
    names={"name": "TargetGroupName"},
    handles=words(
        "name port protocol protocol_version vpc_id target_type ip_address_type health_check"
        " stickiness " + " ".join(_TG_KEYS)
    ),
    defaults={
        "deregistration_delay": "300",
        "lambda_multi_value_headers_enabled": False,
        "proxy_protocol_v2": False,
        "slow_start": 0,
        "target_type": "instance",
        "health_check.enabled": True,
        "health_check.healthy_threshold": 3,
        "health_check.interval": 30,
        "health_check.port": "traffic-port",
        "health_check.protocol": "HTTP",
        "health_check.unhealthy_threshold": 3,
        "stickiness.enabled": True,
        "stickiness.cookie_duration": 86400,
    },
    forces=words("name port protocol protocol_version vpc_id target_type ip_address_type"),
    changes=(
        Change(_change_health, ("health_check",)),
        Change(
            Call(
                "modify_target_group_attributes",
                {"TargetGroupArn": "$id", "Attributes": _tg_attributes},
            ),
            (*_TG_KEYS, "stickiness"),
            on_create=True,
        ),
    ),
    computed={
        "arn": "{id}",
        "arn_suffix": lambda session, values, found: values["id"].rsplit(":", maxsplit=1)[-1],
        "health_check": _shown_health,
        "stickiness": _shown_stickiness,
        **{name: _by_key(name, key) for name, key in _TG_KEYS.items()},
    },
    named="name",
    tagging="elbv2",
)

TYPES: Mapping[str, ResourceType] = {
    "aws_lb": LOAD_BALANCER,
    "aws_lb_target_group": TARGET_GROUP,
}
