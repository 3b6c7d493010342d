"""How each service's tags are read and written: one row a style."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jmespath

from harness.provision.standin.mapping import Call, Values

if TYPE_CHECKING:
    from harness.provision.standin.cloud import Session


@dataclass(frozen=True)
class Style:
    """Calls that set and remove tags, and the one that reads them with the path in its answer.

    ``replaces``: setting writes the whole set, so nothing is removed one by one.
    """

    service: str
    set: Call
    unset: Call | None
    read: Call
    path: str
    replaces: bool = False


def _by_arn(
    service: str, argument: str, *, tags: str, keys: str, form: str, path: str, arn: str = "$arn"
) -> Style:
    operations = ("tag_resource", "untag_resource", "list_tags_for_resource")
    return Style(
        service,
        Call(operations[0], {argument: arn, tags: form}),
        Call(operations[1], {argument: arn, keys: "$tag_keys"}),
        Call(operations[2], {argument: arn}),
        path,
    )


def _eks(arn: str) -> Style:
    return _by_arn(
        "eks", "resourceArn", tags="tags", keys="tagKeys", form="$tag_map", path="tags", arn=arn
    )


def _iam(kind: str, argument: str, template: str) -> Style:
    return Style(
        "iam",
        Call(f"tag_{kind}", {argument: template, "Tags": "$tag_list"}),
        Call(f"untag_{kind}", {argument: template, "TagKeys": "$tag_keys"}),
        Call(f"list_{kind}_tags", {argument: template}),
        "Tags",
    )


def _named_resource(service: str) -> Style:
    return Style(
        service,
        Call("add_tags_to_resource", {"ResourceName": "$arn", "Tags": "$tag_list"}),
        Call("remove_tags_from_resource", {"ResourceName": "$arn", "TagKeys": "$tag_keys"}),
        Call("list_tags_for_resource", {"ResourceName": "$arn"}),
        "TagList",
    )


STYLES: Mapping[str, Style] = {
    "ec2": Style(
        "ec2",
        Call("create_tags", {"Resources": ["$id"], "Tags": "$tag_list"}),
        Call("delete_tags", {"Resources": ["$id"], "Tags": "$tag_key_list"}),
        Call("describe_tags", {"Filters": [{"Name": "resource-id", "Values": ["$id"]}]}),
        "Tags",
    ),
    "iam_role": _iam("role", "RoleName", "$id"),
    "iam_policy": _iam("policy", "PolicyArn", "$arn"),
    "iam_instance_profile": _iam("instance_profile", "InstanceProfileName", "$id"),
    "iam_oidc": _iam("open_id_connect_provider", "OpenIDConnectProviderArn", "$arn"),
    "iam_user": _iam("user", "UserName", "$id"),
    "kms": Style(
        "kms",
        Call("tag_resource", {"KeyId": "$id", "Tags": "$kms_tags"}),
        Call("untag_resource", {"KeyId": "$id", "TagKeys": "$tag_keys"}),
        Call("list_resource_tags", {"KeyId": "$id"}),
        "Tags",
    ),
    "rds": _named_resource("rds"),
    "elasticache": _named_resource("elasticache"),
    "eks": _eks("$arn"),
    "eks_access_entry": _eks("$access_entry_arn"),
    "eks_pod_identity": _eks("$association_arn"),
    "logs": _by_arn(
        "logs", "resourceArn", tags="tags", keys="tagKeys", form="$tag_map", path="tags"
    ),
    "ecr": _by_arn(
        "ecr", "resourceArn", tags="tags", keys="tagKeys", form="$tag_list", path="tags"
    ),
    "sns": _by_arn(
        "sns", "ResourceArn", tags="Tags", keys="TagKeys", form="$tag_list", path="Tags"
    ),
    "cloudwatch": _by_arn(
        "cloudwatch", "ResourceARN", tags="Tags", keys="TagKeys", form="$tag_list", path="Tags"
    ),
    "budgets": _by_arn(
        "budgets",
        "ResourceARN",
        tags="ResourceTags",
        keys="ResourceTagKeys",
        form="$tag_list",
        path="ResourceTags",
    ),
    "cloudfront": Style(
        "cloudfront",
        Call("tag_resource", {"Resource": "$arn", "Tags": {"Items": "$tag_list"}}),
        Call("untag_resource", {"Resource": "$arn", "TagKeys": {"Items": "$tag_keys"}}),
        Call("list_tags_for_resource", {"Resource": "$arn"}),
        "Tags.Items",
    ),
    "elbv2": Style(
        "elbv2",
        Call("add_tags", {"ResourceArns": ["$arn"], "Tags": "$tag_list"}),
        Call("remove_tags", {"ResourceArns": ["$arn"], "TagKeys": "$tag_keys"}),
        Call("describe_tags", {"ResourceArns": ["$arn"]}),
        "TagDescriptions[0].Tags",
    ),
    "acm": Style(
        "acm",
        Call("add_tags_to_certificate", {"CertificateArn": "$arn", "Tags": "$tag_list"}),
        Call("remove_tags_from_certificate", {"CertificateArn": "$arn", "Tags": "$tag_key_list"}),
        Call("list_tags_for_certificate", {"CertificateArn": "$arn"}),
        "Tags",
    ),
    "route53_zone": Style(
        "route53",
        Call(
            "change_tags_for_resource",
            {"ResourceType": "hostedzone", "ResourceId": "$id", "AddTags": "$tag_list"},
        ),
        Call(
            "change_tags_for_resource",
            {"ResourceType": "hostedzone", "ResourceId": "$id", "RemoveTagKeys": "$tag_keys"},
        ),
        Call("list_tags_for_resource", {"ResourceType": "hostedzone", "ResourceId": "$id"}),
        "ResourceTagSet.Tags",
    ),
    "route53_check": Style(
        "route53",
        Call(
            "change_tags_for_resource",
            {"ResourceType": "healthcheck", "ResourceId": "$id", "AddTags": "$tag_list"},
        ),
        Call(
            "change_tags_for_resource",
            {"ResourceType": "healthcheck", "ResourceId": "$id", "RemoveTagKeys": "$tag_keys"},
        ),
        Call("list_tags_for_resource", {"ResourceType": "healthcheck", "ResourceId": "$id"}),
        "ResourceTagSet.Tags",
    ),
    "secretsmanager": Style(
        "secretsmanager",
        Call("tag_resource", {"SecretId": "$id", "Tags": "$tag_list"}),
        Call("untag_resource", {"SecretId": "$id", "TagKeys": "$tag_keys"}),
        Call("describe_secret", {"SecretId": "$id"}),
        "Tags",
    ),
    "dynamodb": Style(
        "dynamodb",
        Call("tag_resource", {"ResourceArn": "$arn", "Tags": "$tag_list"}),
        Call("untag_resource", {"ResourceArn": "$arn", "TagKeys": "$tag_keys"}),
        Call("list_tags_of_resource", {"ResourceArn": "$arn"}),
        "Tags",
    ),
    "s3": Style(
        "s3",
        Call("put_bucket_tagging", {"Bucket": "$id", "Tagging": {"TagSet": "$tag_list"}}),
        Call("delete_bucket_tagging", {"Bucket": "$id"}),
        Call("get_bucket_tagging", {"Bucket": "$id"}),
        "TagSet",
        replaces=True,
    ),
    "ssm_parameter": Style(
        "ssm",
        Call(
            "add_tags_to_resource",
            {"ResourceType": "Parameter", "ResourceId": "$id", "Tags": "$tag_list"},
        ),
        Call(
            "remove_tags_from_resource",
            {"ResourceType": "Parameter", "ResourceId": "$id", "TagKeys": "$tag_keys"},
        ),
        Call("list_tags_for_resource", {"ResourceType": "Parameter", "ResourceId": "$id"}),
        "TagList",
    ),
}


def forms(tags: Mapping[str, str]) -> Values:
    """Return the tags in every form that a template can name."""
    keys = sorted(tags)
    return {
        "tag_list": [{"Key": key, "Value": tags[key]} for key in keys],
        "kms_tags": [{"TagKey": key, "TagValue": tags[key]} for key in keys],
        "tag_map": dict(tags),
        "tag_keys": keys,
        "tag_key_list": [{"Key": key} for key in keys],
    }


def write(
    session: Session,
    style: str,
    values: Values,
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> None:
    """Bring a resource's tags from ``before`` to ``after``; calls nothing where they are equal."""
    row = STYLES[style]
    added = {key: value for key, value in after.items() if before.get(key) != value}
    removed = {key: value for key, value in before.items() if key not in after}
    if row.replaces:
        if added or removed:
            act = row.set if after or row.unset is None else row.unset
            session.act(act, row.service, {**values, **forms(after)}, None, {})
        return
    if removed and row.unset is not None:
        session.act(row.unset, row.service, {**values, **forms(removed)}, None, {})
    if added:
        session.act(row.set, row.service, {**values, **forms(added)}, None, {})


def read(session: Session, style: str, values: Values) -> dict[str, str]:
    """Return a resource's tags."""
    row = STYLES[style]
    answer = session.act(row.read, row.service, values, None, {})
    return as_map(jmespath.search(row.path, answer))


def as_map(tags: Any) -> dict[str, str]:
    """Return tags as a map, whichever form the API gives them in, without AWS's own."""
    if isinstance(tags, list):
        tags = {
            entry.get("Key", entry.get("TagKey")): entry.get("Value", entry.get("TagValue", ""))
            for entry in tags
        }
    return {str(k): str(v) for k, v in (tags or {}).items() if not str(k).startswith("aws:")}
