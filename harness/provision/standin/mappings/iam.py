"""IAM roles, policies, profiles and identity providers, and KMS keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.provision.standin.mapping import Call, Change, Read, ResourceType, Values, words
from harness.provision.standin.mappings.common import json_text, looked_up, set_difference

if TYPE_CHECKING:
    from harness.provision.standin.cloud import Session


def _delete_role(session: Session, wanted: Values, prior: Values | None) -> None:
    name = wanted["id"]
    if wanted.get("force_detach_policies"):
        attached = session.call("iam", "list_attached_role_policies", RoleName=name)
        for policy in attached["AttachedPolicies"]:
            session.call("iam", "detach_role_policy", RoleName=name, PolicyArn=policy["PolicyArn"])
        for inline in session.call("iam", "list_role_policies", RoleName=name)["PolicyNames"]:
            session.call("iam", "delete_role_policy", RoleName=name, PolicyName=inline)
    session.call("iam", "delete_role", RoleName=name)


def _set_boundary(session: Session, wanted: Values, prior: Values | None) -> None:
    name, boundary = wanted["id"], wanted.get("permissions_boundary")
    if boundary:
        session.call(
            "iam", "put_role_permissions_boundary", RoleName=name, PermissionsBoundary=boundary
        )
    else:
        session.call("iam", "delete_role_permissions_boundary", RoleName=name)


def _read_policy(session: Session, wanted: Values, prior: Values | None) -> Any:
    policy = session.call("iam", "get_policy", PolicyArn=wanted["id"])["Policy"]
    version = session.call(
        "iam", "get_policy_version", PolicyArn=wanted["id"], VersionId=policy["DefaultVersionId"]
    )
    return {**policy, "PolicyDocument": version["PolicyVersion"]["Document"]}


def _old_versions(session: Session, arn: str) -> list[str]:
    listed = session.call("iam", "list_policy_versions", PolicyArn=arn)["Versions"]
    return [v["VersionId"] for v in reversed(listed) if not v["IsDefaultVersion"]]


def _new_version(session: Session, wanted: Values, prior: Values | None) -> None:
    arn = wanted["id"]
    old = _old_versions(session, arn)
    if len(old) >= 4:  # IAM keeps five
        session.call("iam", "delete_policy_version", PolicyArn=arn, VersionId=old[0])
    session.call(
        "iam",
        "create_policy_version",
        PolicyArn=arn,
        PolicyDocument=wanted["policy"],
        SetAsDefault=True,
    )


def _delete_policy(session: Session, wanted: Values, prior: Values | None) -> None:
    for version in _old_versions(session, wanted["id"]):
        session.call("iam", "delete_policy_version", PolicyArn=wanted["id"], VersionId=version)
    session.call("iam", "delete_policy", PolicyArn=wanted["id"])


def _read_attachment(session: Session, wanted: Values, prior: Values | None) -> Any:
    pages = session.client("iam").get_paginator("list_attached_role_policies")
    for page in pages.paginate(RoleName=wanted["role"]):
        for policy in page["AttachedPolicies"]:
            if policy["PolicyArn"] == wanted["policy_arn"]:
                return {"PolicyArn": policy["PolicyArn"]}
    return None


def _set_clients(session: Session, wanted: Values, prior: Values | None) -> None:
    added, removed = set_difference("client_id_list", wanted, prior)
    for operation, clients in (
        ("add_client_id_to_open_id_connect_provider", added),
        ("remove_client_id_from_open_id_connect_provider", removed),
    ):
        for client in clients:
            session.call("iam", operation, OpenIDConnectProviderArn=wanted["id"], ClientID=client)


def _set_profile_role(session: Session, wanted: Values, prior: Values | None) -> None:
    name, before = wanted["id"], (prior or {}).get("role")
    if before:
        session.call(
            "iam", "remove_role_from_instance_profile", InstanceProfileName=name, RoleName=before
        )
    if wanted.get("role"):
        session.call(
            "iam",
            "add_role_to_instance_profile",
            InstanceProfileName=name,
            RoleName=wanted["role"],
        )


def _delete_profile(session: Session, wanted: Values, prior: Values | None) -> None:
    _set_profile_role(session, {"id": wanted["id"]}, wanted)
    session.call("iam", "delete_instance_profile", InstanceProfileName=wanted["id"])


def _policy_text(session: Session, values: Values, found: Mapping[str, Any]) -> str:
    return json_text(found["PolicyDocument"])


ROLE = ResourceType(
    service="iam",
    create=Call(
        "create_role",
        {"RoleName": "$name", "AssumeRolePolicyDocument": "$assume_role_policy"},
        fields=("path", "description", "max_session_duration", "permissions_boundary"),
    ),
    read=Read(Call("get_role", {"RoleName": "$id"}), "Role"),
    delete=_delete_role,
    identity="$name",
    names={"name": "RoleName", "assume_role_policy": "AssumeRolePolicyDocument"},
    defaults={"path": "/", "max_session_duration": 3600, "force_detach_policies": False},
    forces=words("name path"),
    changes=(
        Change(
            Call(
                "update_assume_role_policy",
                {"RoleName": "$id", "PolicyDocument": "$assume_role_policy"},
            ),
            ("assume_role_policy",),
        ),
        Change(
            Call(
                "update_role", {"RoleName": "$id"}, fields=("description", "max_session_duration")
            ),
            ("description", "max_session_duration"),
        ),
        Change(_set_boundary, ("permissions_boundary",)),
    ),
    computed={
        "arn": "@Arn",
        "unique_id": "@RoleId",
        "permissions_boundary": "@PermissionsBoundary.PermissionsBoundaryArn",
    },
    named="name",
    tagging="iam_role",
)

POLICY = ResourceType(
    service="iam",
    create=Call(
        "create_policy",
        {"PolicyName": "$name", "PolicyDocument": "$policy"},
        fields=("path", "description"),
    ),
    read=Read(_read_policy),
    delete=_delete_policy,
    identity="@Policy.Arn",
    names={"name": "PolicyName"},
    defaults={"path": "/"},
    forces=words("name path description"),
    changes=(Change(_new_version, ("policy",)),),
    computed={"arn": "{id}", "policy": _policy_text, "policy_id": "@PolicyId"},
    named="name",
    tagging="iam_policy",
)

_PUT_ROLE_POLICY = Call(
    "put_role_policy", {"RoleName": "$role", "PolicyName": "$name", "PolicyDocument": "$policy"}
)

ROLE_POLICY = ResourceType(
    service="iam",
    create=_PUT_ROLE_POLICY,
    read=Read(Call("get_role_policy", {"RoleName": "$role", "PolicyName": "$name"})),
    delete=Call("delete_role_policy", {"RoleName": "$role", "PolicyName": "$name"}),
    identity="{role}:{name}",
    forces=words("role name"),
    changes=(Change(_PUT_ROLE_POLICY, ("policy",)),),
    computed={"policy": _policy_text, "name": "@PolicyName", "role": "@RoleName"},
    named="name",
)

ATTACHMENT = ResourceType(
    service="iam",
    create=Call("attach_role_policy", {"RoleName": "$role", "PolicyArn": "$policy_arn"}),
    read=Read(_read_attachment),
    delete=Call("detach_role_policy", {"RoleName": "$role", "PolicyArn": "$policy_arn"}),
    identity="{role}-{policy_arn}",
    forces=words("role policy_arn"),
)

OIDC = ResourceType(
    service="iam",
    create=Call(
        "create_open_id_connect_provider", fields=("url", "client_id_list", "thumbprint_list")
    ),
    read=Read(Call("get_open_id_connect_provider", {"OpenIDConnectProviderArn": "$id"})),
    delete=Call("delete_open_id_connect_provider", {"OpenIDConnectProviderArn": "$id"}),
    identity="@OpenIDConnectProviderArn",
    forces=words("url"),
    changes=(
        Change(
            Call(
                "update_open_id_connect_provider_thumbprint",
                {"OpenIDConnectProviderArn": "$id", "ThumbprintList": "$thumbprint_list"},
            ),
            ("thumbprint_list",),
        ),
        Change(_set_clients, ("client_id_list",)),
    ),
    computed={"arn": "{id}"},
    unread=words("url"),
    tagging="iam_oidc",
)

INSTANCE_PROFILE = ResourceType(
    service="iam",
    create=Call("create_instance_profile", {"InstanceProfileName": "$name"}, fields=("path",)),
    read=Read(Call("get_instance_profile", {"InstanceProfileName": "$id"}), "InstanceProfile"),
    delete=_delete_profile,
    identity="$name",
    names={"name": "InstanceProfileName"},
    defaults={"path": "/"},
    forces=words("name path"),
    changes=(Change(_set_profile_role, ("role",), on_create=True),),
    computed={"arn": "@Arn", "role": "@Roles[0].RoleName", "unique_id": "@InstanceProfileId"},
    named="name",
    tagging="iam_instance_profile",
)


def _rotate(session: Session, wanted: Values, prior: Values | None) -> None:
    operation = "enable_key_rotation" if wanted["enable_key_rotation"] else "disable_key_rotation"
    params = {"KeyId": wanted["id"]}
    period = wanted.get("rotation_period_in_days")
    if wanted["enable_key_rotation"] and period:
        params["RotationPeriodInDays"] = int(period)
    session.call("kms", operation, **params)


def _enable(session: Session, wanted: Values, prior: Values | None) -> None:
    if prior is not None or not wanted["is_enabled"]:
        operation = "enable_key" if wanted["is_enabled"] else "disable_key"
        session.call("kms", operation, KeyId=wanted["id"])


def _read_alias(session: Session, wanted: Values, prior: Values | None) -> Any:
    pages = session.client("kms").get_paginator("list_aliases").paginate()
    listed = (alias for page in pages for alias in page["Aliases"])
    return next((alias for alias in listed if alias["AliasName"] == wanted["id"]), None)


KEY = ResourceType(
    service="kms",
    create=Call(
        "create_key",
        {"Tags": lambda values: values["kms_tags"] or None},
        fields=(
            "description",
            "key_usage",
            "customer_master_key_spec",
            "policy",
            "multi_region",
            "bypass_policy_lockout_safety_check",
        ),
    ),
    read=Read(
        Call("describe_key", {"KeyId": "$id"}),
        "KeyMetadata",
        gone="KeyState=='PendingDeletion'",
    ),
    delete=Call(
        "schedule_key_deletion",
        {
            "KeyId": "$id",
            "PendingWindowInDays": lambda values: int(values.get("deletion_window_in_days") or 30),
        },
    ),
    identity="@KeyMetadata.KeyId",
    names={"is_enabled": "Enabled"},
    defaults={
        "bypass_policy_lockout_safety_check": False,
        "customer_master_key_spec": "SYMMETRIC_DEFAULT",
        "enable_key_rotation": False,
        "is_enabled": True,
        "key_usage": "ENCRYPT_DECRYPT",
    },
    forces=words("key_usage customer_master_key_spec multi_region custom_key_store_id xks_key_id"),
    changes=(
        Change(_enable, ("is_enabled",), on_create=True),
        Change(_rotate, ("enable_key_rotation", "rotation_period_in_days"), on_create=True),
        Change(
            Call("update_key_description", {"KeyId": "$id", "Description": "$description"}),
            ("description",),
        ),
        Change(
            Call("put_key_policy", {"KeyId": "$id", "PolicyName": "default", "Policy": "$policy"}),
            ("policy",),
        ),
    ),
    computed={
        "arn": "@Arn",
        "policy": looked_up("kms", "get_key_policy", "Policy", KeyId="$id", PolicyName="default"),
        "enable_key_rotation": looked_up(
            "kms", "get_key_rotation_status", "KeyRotationEnabled", KeyId="$id"
        ),
        "rotation_period_in_days": looked_up(
            "kms", "get_key_rotation_status", "RotationPeriodInDays", KeyId="$id"
        ),
    },
    tagging="kms",
)

ALIAS = ResourceType(
    service="kms",
    create=Call("create_alias", {"AliasName": "$name", "TargetKeyId": "$target_key_id"}),
    read=Read(_read_alias),
    delete=Call("delete_alias", {"AliasName": "$id"}),
    identity="$name",
    names={"name": "AliasName"},
    forces=words("name"),
    changes=(
        Change(
            Call("update_alias", {"AliasName": "$id", "TargetKeyId": "$target_key_id"}),
            ("target_key_id",),
        ),
    ),
    computed={
        "arn": "@AliasArn",
        "target_key_id": lambda session, values, found: (
            values["target_key_id"]
            if str(values.get("target_key_id", "")).endswith(found["TargetKeyId"])
            else found["TargetKeyId"]
        ),
        "target_key_arn": looked_up(
            "kms", "describe_key", "KeyMetadata.Arn", KeyId="$target_key_id"
        ),
    },
    volatile=words("target_key_arn"),
    named="name",
)

TYPES: Mapping[str, ResourceType] = {
    "aws_iam_role": ROLE,
    "aws_iam_policy": POLICY,
    "aws_iam_role_policy": ROLE_POLICY,
    "aws_iam_role_policy_attachment": ATTACHMENT,
    "aws_iam_openid_connect_provider": OIDC,
    "aws_iam_instance_profile": INSTANCE_PROFILE,
    "aws_kms_key": KEY,
    "aws_kms_alias": ALIAS,
}
