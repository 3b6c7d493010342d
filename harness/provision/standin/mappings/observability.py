"""CloudWatch log groups and alarms, SNS topics, budgets."""

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
from harness.provision.standin.mappings.common import set_difference

if TYPE_CHECKING:
    from harness.provision.standin.cloud import Session


def _read_log_group(session: Session, wanted: Values, prior: Values | None) -> Any:
    pages = session.client("logs").get_paginator("describe_log_groups")
    for page in pages.paginate(logGroupNamePrefix=wanted["id"]):
        for group in page["logGroups"]:
            if group["logGroupName"] == wanted["id"]:
                return group
    return None


def _retain(session: Session, wanted: Values, prior: Values | None) -> None:
    days = int(wanted.get("retention_in_days") or 0)
    if days:
        session.call(
            "logs", "put_retention_policy", logGroupName=wanted["id"], retentionInDays=days
        )
    elif prior is not None:
        session.call("logs", "delete_retention_policy", logGroupName=wanted["id"])


def _set_key(session: Session, wanted: Values, prior: Values | None) -> None:
    if wanted.get("kms_key_id"):
        session.call(
            "logs",
            "associate_kms_key",
            logGroupName=wanted["id"],
            kmsKeyId=wanted["kms_key_id"],
        )
    else:
        session.call("logs", "disassociate_kms_key", logGroupName=wanted["id"])


LOG_GROUP = ResourceType(
    service="logs",
    create=Call(
        "create_log_group", {"logGroupName": "$name"}, fields=("kms_key_id", "log_group_class")
    ),
    read=Read(_read_log_group),
    delete=Call("delete_log_group", {"logGroupName": "$id"}),
    identity="$name",
    names={"name": "logGroupName"},
    defaults={"retention_in_days": 0, "skip_destroy": False},
    forces=words("name log_group_class"),
    changes=(
        Change(_retain, ("retention_in_days",), on_create=True),
        Change(_set_key, ("kms_key_id",)),
    ),
    computed={
        "arn": lambda session, values, found: str(found["arn"]).removesuffix(":*"),
        "retention_in_days": lambda session, values, found: found.get("retentionInDays", 0),
    },
    named="name",
    tagging="logs",
)

_PUT_POLICY = Call(
    "put_resource_policy", {"policyName": "$policy_name", "policyDocument": "$policy_document"}
)

LOG_RESOURCE_POLICY = ResourceType(
    service="logs",
    create=_PUT_POLICY,
    read=Read(
        lambda session, wanted, prior: next(
            (
                policy
                for policy in session.call("logs", "describe_resource_policies")["resourcePolicies"]
                if policy["policyName"] == wanted["id"]
            ),
            None,
        )
    ),
    delete=Call("delete_resource_policy", {"policyName": "$id"}),
    identity="$policy_name",
    forces=words("policy_name"),
    changes=(Change(_PUT_POLICY, ("policy_document",)),),
)

_PUT_ALARM = Call("put_metric_alarm", {"AlarmName": "$alarm_name"}, fields=None)

METRIC_ALARM = ResourceType(
    service="cloudwatch",
    create=_PUT_ALARM,
    read=Read(Call("describe_alarms", {"AlarmNames": ["$id"]}), "MetricAlarms[0]"),
    delete=Call("delete_alarms", {"AlarmNames": ["$id"]}),
    identity="$alarm_name",
    names={"ok_actions": "OKActions", "metric_query": "Metrics"},
    defaults={"actions_enabled": True, "treat_missing_data": "missing"},
    forces=words("alarm_name"),
    changes=(Change(_PUT_ALARM),),
    computed={"arn": "@AlarmArn"},
    unread=words("metric_query evaluate_low_sample_count_percentiles"),
    tagging="cloudwatch",
)

# Attribute of a topic to its name in SetTopicAttributes.
_TOPIC = {
    "delivery_policy": "DeliveryPolicy",
    "display_name": "DisplayName",
    "kms_master_key_id": "KmsMasterKeyId",
    "policy": "Policy",
    "signature_version": "SignatureVersion",
    "tracing_config": "TracingConfig",
}
_SUBSCRIPTION = {
    "delivery_policy": "DeliveryPolicy",
    "filter_policy": "FilterPolicy",
    "filter_policy_scope": "FilterPolicyScope",
    "raw_message_delivery": "RawMessageDelivery",
    "redrive_policy": "RedrivePolicy",
}


def _attribute(kind: str, attribute: str, name: str) -> Change:
    def write(session: Session, wanted: Values, prior: Values | None) -> None:
        value = wanted.get(attribute)
        shown = str(value).lower() if isinstance(value, bool) else str(value or "")
        session.call(
            "sns",
            f"set_{kind}_attributes",
            AttributeName=name,
            AttributeValue=shown,
            **{f"{kind.capitalize()}Arn": wanted["id"]},
        )

    return Change(write, (attribute,), on_create=True)


def _create_topic(session: Session, wanted: Values, prior: Values | None) -> Any:
    attributes = {"FifoTopic": "true"} if wanted.get("fifo_topic") else {}
    return session.call(
        "sns",
        "create_topic",
        Name=wanted["name"],
        Attributes=attributes,
        Tags=wanted["tag_list"],
    )


TOPIC = ResourceType(
    service="sns",
    create=_create_topic,
    read=Read(Call("get_topic_attributes", {"TopicArn": "$id"}), "Attributes"),
    delete=Call("delete_topic", {"TopicArn": "$id"}),
    identity="@TopicArn",
    handles=words("name fifo_topic"),
    defaults={
        "application_success_feedback_sample_rate": None,
        "content_based_deduplication": False,
        "fifo_topic": False,
    },
    forces=words("name fifo_topic"),
    changes=tuple(_attribute("topic", *pair) for pair in _TOPIC.items()),
    computed={
        "arn": "{id}",
        "name": lambda session, values, found: found["TopicArn"].rsplit(":", maxsplit=1)[-1],
        "owner": "@Owner",
    },
    named="name",
    tagging="sns",
)

_PUT_TOPIC_POLICY = Call(
    "set_topic_attributes",
    {"TopicArn": "$arn", "AttributeName": "Policy", "AttributeValue": "$policy"},
)

TOPIC_POLICY = ResourceType(
    service="sns",
    create=_PUT_TOPIC_POLICY,
    read=Read(Call("get_topic_attributes", {"TopicArn": "$arn"}), "Attributes"),
    delete=None,
    identity="$arn",
    forces=words("arn"),
    changes=(Change(_PUT_TOPIC_POLICY, ("policy",)),),
)

SUBSCRIPTION = ResourceType(
    service="sns",
    create=Call(
        "subscribe",
        {"ReturnSubscriptionArn": True},
        fields=("topic_arn", "protocol", "endpoint"),
    ),
    read=Read(Call("get_subscription_attributes", {"SubscriptionArn": "$id"}), "Attributes"),
    delete=Call("unsubscribe", {"SubscriptionArn": "$id"}),
    identity="@SubscriptionArn",
    defaults={
        "confirmation_timeout_in_minutes": 1,
        "endpoint_auto_confirms": False,
        "raw_message_delivery": False,
    },
    forces=words("topic_arn protocol endpoint"),
    changes=tuple(_attribute("subscription", *pair) for pair in _SUBSCRIPTION.items()),
    computed={"arn": "{id}", "owner_id": "@Owner"},
)


def _budget(values: Values) -> dict[str, Any]:
    budget: dict[str, Any] = {
        "BudgetName": values["name"],
        "BudgetType": values["budget_type"],
        "TimeUnit": values["time_unit"],
        "BudgetLimit": {"Amount": values["limit_amount"], "Unit": values["limit_unit"]},
    }
    filters = {f["name"]: list(f["values"]) for f in values.get("cost_filter") or []}
    if filters:
        budget["CostFilters"] = filters
    return budget


def _notice(block: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "NotificationType": block["notification_type"],
        "ComparisonOperator": block["comparison_operator"],
        "Threshold": float(block["threshold"]),
        "ThresholdType": block["threshold_type"],
    }


def _subscribers(block: Mapping[str, Any]) -> list[dict[str, str]]:
    pairs = (("EMAIL", "subscriber_email_addresses"), ("SNS", "subscriber_sns_topic_arns"))
    return [
        {"SubscriptionType": kind, "Address": address}
        for kind, attribute in pairs
        for address in block.get(attribute) or []
    ]


def _create_budget(session: Session, wanted: Values, prior: Values | None) -> Any:
    notices = [
        {"Notification": _notice(block), "Subscribers": _subscribers(block)}
        for block in wanted.get("notification") or []
    ]
    return session.call(
        "budgets",
        "create_budget",
        AccountId=session.account,
        Budget=_budget(wanted),
        NotificationsWithSubscribers=notices,
    )


def _change_notices(session: Session, wanted: Values, prior: Values | None) -> None:
    added, removed = set_difference("notification", wanted, prior)
    key = {"AccountId": session.account, "BudgetName": wanted["name"]}
    for block in removed:
        session.call("budgets", "delete_notification", Notification=_notice(block), **key)
    for block in added:
        session.call(
            "budgets",
            "create_notification",
            Notification=_notice(block),
            Subscribers=_subscribers(block),
            **key,
        )


def _budget_call(operation: str) -> Call:
    return Call(operation, {"AccountId": "{account}", "BudgetName": "$name"})


def _amount() -> Computed:
    def read(session: Session, values: Values, found: Mapping[str, Any]) -> Any:
        got = (found.get("BudgetLimit") or {}).get("Amount")
        held = values.get("limit_amount")
        same = held is not None and got is not None and float(held) == float(got)
        return held if same else got

    return read


BUDGET = ResourceType(
    service="budgets",
    create=_create_budget,
    read=Read(_budget_call("describe_budget"), "Budget"),
    delete=_budget_call("delete_budget"),
    identity="{account}:{name}",
    handles=words("name budget_type time_unit limit_amount limit_unit cost_filter notification"),
    forces=words("name budget_type time_unit limit_amount limit_unit cost_filter"),
    changes=(Change(_change_notices, ("notification",)),),
    computed={
        "account_id": "{account}",
        "arn": "arn:aws:budgets::{account}:budget/{name}",
        "limit_amount": _amount(),
        "limit_unit": "@BudgetLimit.Unit",
    },
    unread=words("name time_period_end time_period_start cost_types cost_filter"),
    named="name",
)

TYPES: Mapping[str, ResourceType] = {
    "aws_cloudwatch_log_group": LOG_GROUP,
    "aws_cloudwatch_log_resource_policy": LOG_RESOURCE_POLICY,
    "aws_cloudwatch_metric_alarm": METRIC_ALARM,
    "aws_sns_topic": TOPIC,
    "aws_sns_topic_policy": TOPIC_POLICY,
    "aws_sns_topic_subscription": SUBSCRIPTION,
    "aws_budgets_budget": BUDGET,
}
