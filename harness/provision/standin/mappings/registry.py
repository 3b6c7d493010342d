"""ECR repositories, Secrets Manager secrets and SSM parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.provision.standin.mapping import Call, Change, Read, ResourceType, Values, words
from harness.provision.standin.mappings.common import looked_up

if TYPE_CHECKING:
    from harness.provision.standin.cloud import Session

REPOSITORY = ResourceType(
    service="ecr",
    create=Call(
        "create_repository",
        {"repositoryName": "$name"},
        fields=(
            "image_tag_mutability",
            "image_scanning_configuration",
            "encryption_configuration",
        ),
    ),
    read=Read(Call("describe_repositories", {"repositoryNames": ["$id"]}), "repositories[0]"),
    delete=Call("delete_repository", {"repositoryName": "$id", "force": "$force_delete"}),
    identity="$name",
    names={"name": "repositoryName", "repository_url": "repositoryUri"},
    defaults={
        "image_tag_mutability": "MUTABLE",
        "encryption_configuration.encryption_type": "AES256",
    },
    forces=words("name encryption_configuration"),
    changes=(
        Change(
            Call(
                "put_image_tag_mutability",
                {"repositoryName": "$id", "imageTagMutability": "$image_tag_mutability"},
            ),
            ("image_tag_mutability",),
        ),
        Change(
            Call(
                "put_image_scanning_configuration",
                {"repositoryName": "$id"},
                fields=("image_scanning_configuration",),
            ),
            ("image_scanning_configuration",),
        ),
    ),
    computed={"arn": "@repositoryArn"},
    tagging="ecr",
)

_PUT_LIFECYCLE = Call(
    "put_lifecycle_policy", {"repositoryName": "$repository", "lifecyclePolicyText": "$policy"}
)

REPOSITORY_LIFECYCLE = ResourceType(
    service="ecr",
    create=_PUT_LIFECYCLE,
    read=Read(Call("get_lifecycle_policy", {"repositoryName": "$repository"})),
    delete=Call("delete_lifecycle_policy", {"repositoryName": "$repository"}),
    identity="$repository",
    names={"repository": "repositoryName", "policy": "lifecyclePolicyText"},
    forces=words("repository"),
    changes=(Change(_PUT_LIFECYCLE, ("policy",)),),
)


def _set_policy(session: Session, wanted: Values, prior: Values | None) -> None:
    if wanted.get("policy"):
        session.call(
            "secretsmanager",
            "put_resource_policy",
            SecretId=wanted["id"],
            ResourcePolicy=wanted["policy"],
        )
    elif prior is not None:
        session.call("secretsmanager", "delete_resource_policy", SecretId=wanted["id"])


def _deletion(values: Values) -> bool | None:
    return True if values.get("recovery_window_in_days") == 0 else None


def _window(values: Values) -> int | None:
    days = values.get("recovery_window_in_days")
    return int(days) if days else None


SECRET = ResourceType(
    service="secretsmanager",
    create=Call("create_secret", fields=("name", "description", "kms_key_id")),
    read=Read(Call("describe_secret", {"SecretId": "$id"}), gone="DeletedDate"),
    delete=Call(
        "delete_secret",
        {
            "SecretId": "$id",
            "ForceDeleteWithoutRecovery": _deletion,
            "RecoveryWindowInDays": _window,
        },
    ),
    identity="@ARN",
    defaults={"force_overwrite_replica_secret": False, "recovery_window_in_days": 30},
    forces=words("name"),
    changes=(
        Change(
            Call("update_secret", {"SecretId": "$id"}, fields=("description", "kms_key_id")),
            ("description", "kms_key_id"),
        ),
        Change(_set_policy, ("policy",), on_create=True),
    ),
    computed={
        "arn": "{id}",
        "policy": looked_up(
            "secretsmanager", "get_resource_policy", "ResourcePolicy", SecretId="$id"
        ),
    },
    named="name",
    tagging="secretsmanager",
)

_PUT_SECRET = Call(
    "put_secret_value",
    {"SecretId": "$secret_id", "VersionStages": "$version_stages"},
    fields=("secret_string", "secret_binary"),
)


def _secret_version_id(session: Session, wanted: Values, prior: Values | None) -> Any:
    answer = session.act(_PUT_SECRET, "secretsmanager", wanted, None, {})
    return {"id": f"{wanted['secret_id']}|{answer['VersionId']}"}


def _read_secret_version(session: Session, wanted: Values, prior: Values | None) -> Any:
    secret, _, version = wanted["id"].rpartition("|")
    return session.call("secretsmanager", "get_secret_value", SecretId=secret, VersionId=version)


SECRET_VERSION = ResourceType(
    service="secretsmanager",
    create=_secret_version_id,
    read=Read(_read_secret_version),
    delete=None,
    identity="@id",
    handles=words("secret_id secret_string secret_binary version_stages"),
    forces=words("secret_id secret_string secret_binary"),
    computed={"arn": "@ARN", "has_secret_string_wo": lambda session, values, found: False},
)

PARAMETER = ResourceType(
    service="ssm",
    create=Call("put_parameter", fields=("name", "type", "value", "description", "key_id", "tier")),
    read=Read(Call("get_parameter", {"Name": "$id", "WithDecryption": True}), "Parameter"),
    delete=Call("delete_parameter", {"Name": "$id"}),
    identity="$name",
    names={"arn": "ARN"},
    forces=words("name"),
    changes=(
        Change(
            Call(
                "put_parameter",
                {"Overwrite": True},
                fields=("name", "type", "value", "description", "key_id", "tier"),
            ),
            ("type", "value", "description", "key_id", "tier"),
        ),
    ),
    computed={"arn": "@ARN", "has_value_wo": lambda session, values, found: False},
    volatile=words("version"),
    tagging="ssm_parameter",
)

TYPES: Mapping[str, ResourceType] = {
    "aws_ecr_repository": REPOSITORY,
    "aws_ecr_lifecycle_policy": REPOSITORY_LIFECYCLE,
    "aws_secretsmanager_secret": SECRET,
    "aws_secretsmanager_secret_version": SECRET_VERSION,
    "aws_ssm_parameter": PARAMETER,
}
