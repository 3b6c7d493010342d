"""Listeners of load balancers and their rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

# Blocks of an action and conditions to the API's names.
_ACTION_NAMES = {
    "arn": "TargetGroupArn",
    "authenticate_cognito": "AuthenticateCognitoConfig",
    "authenticate_oidc": "AuthenticateOidcConfig",
    "default_action": "DefaultActions",
    "duration": "DurationSeconds",
    "fixed_response": "FixedResponseConfig",
    "forward": "ForwardConfig",
    "redirect": "RedirectConfig",
    "stickiness": "TargetGroupStickinessConfig",
    "target_group": "TargetGroups",
}
_CONDITIONS = {
    "host_header": ("host-header", "HostHeaderConfig"),
    "http_header": ("http-header", "HttpHeaderConfig"),
    "http_request_method": ("http-request-method", "HttpRequestMethodConfig"),
    "path_pattern": ("path-pattern", "PathPatternConfig"),
    "source_ip": ("source-ip", "SourceIpConfig"),
}


def _redirect_defaults(block: str) -> dict[str, str]:
    return {
        f"{block}.redirect.host": "#{host}",
        f"{block}.redirect.path": "/#{path}",
        f"{block}.redirect.port": "#{port}",
        f"{block}.redirect.protocol": "#{protocol}",
        f"{block}.redirect.query": "#{query}",
    }


def _shown_actions(attribute: str, member: str) -> Computed:
    """Return a rule that compares actions as configured: the API repeats a target in two forms."""

    def read(session: Session, values: Values, found: Mapping[str, Any]) -> Any:
        held = values.get(attribute) or []
        shown = []
        for number, action in enumerate(found.get(member) or []):
            before = held[number] if number < len(held) else {}
            entry = {**before, "type": action["Type"], "order": action.get("Order")}
            target = action.get("TargetGroupArn") or _only_target(action)
            if before.get("target_group_arn") or not before:
                entry["target_group_arn"] = target
            for block, api in (
                ("redirect", "RedirectConfig"),
                ("fixed_response", "FixedResponseConfig"),
            ):
                if action.get(api) and before.get(block):
                    entry[block] = [_overlaid(before[block][0], action[api])]
            shown.append(entry)
        return shown

    return read


def _only_target(action: Mapping[str, Any]) -> str | None:
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
    return str(groups[0]["TargetGroupArn"]) if len(groups) == 1 else None


def _overlaid(held: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    flat = {name.lower(): value for name, value in config.items()}
    return {name: flat.get(name.replace("_", ""), value) for name, value in held.items()}


def _certificates(values: Values) -> list[dict[str, str]] | None:
    return (
        [{"CertificateArn": values["certificate_arn"]}] if values.get("certificate_arn") else None
    )


_LISTENER_FIELDS = ("port", "protocol", "ssl_policy", "default_action")

LISTENER = ResourceType(
    service="elbv2",
    create=Call(
        "create_listener",
        {"LoadBalancerArn": "$load_balancer_arn", "Certificates": _certificates},
        fields=_LISTENER_FIELDS,
    ),
    read=Read(Call("describe_listeners", {"ListenerArns": ["$id"]}), "Listeners[0]"),
    delete=Call("delete_listener", {"ListenerArn": "$id"}),
    identity="@Listeners[0].ListenerArn",
    names=_ACTION_NAMES,
    handles=words("certificate_arn"),
    defaults={**_redirect_defaults("default_action")},
    forces=words("load_balancer_arn"),
    changes=(
        Change(
            Call(
                "modify_listener",
                {"ListenerArn": "$id", "Certificates": _certificates},
                fields=_LISTENER_FIELDS,
            ),
            (*_LISTENER_FIELDS, "certificate_arn"),
        ),
    ),
    computed={
        "arn": "{id}",
        "certificate_arn": "@Certificates[0].CertificateArn",
        "default_action": _shown_actions("default_action", "DefaultActions"),
    },
    tagging="elbv2",
)


def _conditions(values: Values) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = []
    for condition in values.get("condition") or []:
        for attribute, (field, member) in _CONDITIONS.items():
            for block in condition.get(attribute) or []:
                config: dict[str, Any] = {"Values": list(block["values"])}
                if block.get("http_header_name"):
                    config["HttpHeaderName"] = block["http_header_name"]
                listed.append({"Field": field, member: config})
        pairs = [
            {k: v for k, v in (("Key", block.get("key")), ("Value", block["value"])) if v}
            for block in condition.get("query_string") or []
        ]
        if pairs:
            listed.append({"Field": "query-string", "QueryStringConfig": {"Values": pairs}})
    return listed


def _shown_conditions(session: Session, values: Values, found: Mapping[str, Any]) -> Any:
    # Compared in the API's form: what it shows is either what is configured or something else.
    def plain(listed: Sequence[Mapping[str, Any]]) -> list[str]:
        fields = []
        for condition in listed:
            config: Mapping[str, Any] = next(
                (condition[m] for _, m in _CONDITIONS.values() if condition.get(m)), {}
            )
            shown = config.get("Values") or condition.get("Values") or []
            fields.append(f"{condition['Field']} {sorted(map(str, shown))}")
        return sorted(fields)

    shown = found.get("Conditions") or []
    same = plain(shown) == plain(_conditions(values))
    return values.get("condition") if same else []


LISTENER_RULE = ResourceType(
    service="elbv2",
    create=Call(
        "create_rule",
        {"ListenerArn": "$listener_arn", "Conditions": _conditions},
        fields=("action", "priority"),
    ),
    read=Read(Call("describe_rules", {"RuleArns": ["$id"]}), "Rules[0]"),
    delete=Call("delete_rule", {"RuleArn": "$id"}),
    identity="@Rules[0].RuleArn",
    names=_ACTION_NAMES,
    handles=words("condition"),
    defaults={**_redirect_defaults("action")},
    forces=words("listener_arn"),
    changes=(
        Change(
            Call("modify_rule", {"RuleArn": "$id", "Conditions": _conditions}, fields=("action",)),
            ("action", "condition"),
        ),
        Change(
            Call(
                "set_rule_priorities",
                {
                    "RulePriorities": lambda values: [
                        {"RuleArn": values["id"], "Priority": int(values["priority"])}
                    ]
                },
            ),
            ("priority",),
        ),
    ),
    computed={
        "arn": "{id}",
        "action": _shown_actions("action", "Actions"),
        "condition": _shown_conditions,
    },
    tagging="elbv2",
)

TYPES: Mapping[str, ResourceType] = {
    "aws_lb_listener": LISTENER,
    "aws_lb_listener_rule": LISTENER_RULE,
}
