"""S3 buckets and what is set on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.provision.standin.mapping import Call, Change, Read, ResourceType, Values, words
from harness.provision.standin.shapes import encode, plain

if TYPE_CHECKING:
    from harness.provision.standin.cloud import Session

# The one region whose name may not stand in a create call.
_UNNAMED_REGION = "us-east-1"


def _create(session: Session, wanted: Values, prior: Values | None) -> Any:
    params: dict[str, Any] = {"Bucket": wanted["bucket"]}
    if session.region != _UNNAMED_REGION:
        params["CreateBucketConfiguration"] = {"LocationConstraint": session.region}
    if wanted.get("object_lock_enabled"):
        params["ObjectLockEnabledForBucket"] = True
    return session.call("s3", "create_bucket", **params)


def _delete(session: Session, wanted: Values, prior: Values | None) -> None:
    if wanted.get("force_destroy"):
        pages = session.client("s3").get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=wanted["id"]):
            for entry in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                session.call(
                    "s3",
                    "delete_object",
                    Bucket=wanted["id"],
                    Key=entry["Key"],
                    VersionId=entry["VersionId"],
                )
    session.call("s3", "delete_bucket", Bucket=wanted["id"])


BUCKET = ResourceType(
    service="s3",
    create=_create,
    read=Read(Call("head_bucket", {"Bucket": "$id"})),
    delete=_delete,
    identity="$bucket",
    handles=words("bucket object_lock_enabled"),
    defaults={"force_destroy": False, "object_lock_enabled": False},
    forces=words("bucket object_lock_enabled"),
    computed={
        "arn": "arn:aws:s3:::{id}",
        "bucket": "{id}",
        "bucket_region": "{region}",
        "bucket_domain_name": "{id}.s3.amazonaws.com",
        "bucket_regional_domain_name": "{id}.s3.{region}.amazonaws.com",
    },
    named="bucket",
    tagging="s3",
)


def _setting(
    put: str,
    get: str,
    delete: str | None,
    *,
    wrapper: str | None,
    attributes: str,
    path: str = "",
    off: Mapping[str, Any] | None = None,
    **more: Any,
) -> ResourceType:
    """Return the mapping of one setting of a bucket: written whole, read, removed.

    ``wrapper`` is the parameter that takes the attributes, None for parameters of the call
    itself. ``off`` is what is written to remove a setting that has no call for that.
    """
    fields = tuple(attributes.split())

    def write(session: Session, wanted: Values, prior: Values | None) -> Any:
        given: Any = {name: wanted[name] for name in fields if name in wanted}
        if wrapper is not None and [plain(name) for name in fields] == [plain(wrapper)]:
            given = wanted[fields[0]]  # the one block is what the wrapper holds
        names = more.get("names", {})
        shape = session.shape("s3", put)
        shape = shape.members[wrapper] if wrapper else shape
        encoded = encode(shape, given, names)
        params = {wrapper: encoded} if wrapper else encoded
        return session.call("s3", put, Bucket=wanted["bucket"], **params)

    def remove(session: Session, wanted: Values, prior: Values | None) -> None:
        if delete is not None:
            session.call("s3", delete, Bucket=wanted["bucket"])
        elif off is not None and wrapper is not None:
            session.call("s3", put, Bucket=wanted["bucket"], **{wrapper: dict(off)})

    return ResourceType(
        service="s3",
        create=write,
        read=Read(Call(get, {"Bucket": "$bucket"}), path),
        delete=remove,
        identity="$bucket",
        handles=words(f"bucket {attributes}"),
        forces=words("bucket expected_bucket_owner"),
        changes=(Change(write, fields),),
        **more,
    )


TYPES: Mapping[str, ResourceType] = {
    "aws_s3_bucket": BUCKET,
    "aws_s3_bucket_versioning": _setting(
        "put_bucket_versioning",
        "get_bucket_versioning",
        None,
        wrapper="VersioningConfiguration",
        attributes="versioning_configuration",
        off={"Status": "Suspended"},
        names={"mfa_delete": "MFADelete"},
        computed={
            "versioning_configuration": lambda session, values, found: (
                [{"status": found["Status"], "mfa_delete": found.get("MFADelete")}]
                if found.get("Status")
                else [{"status": "Disabled", "mfa_delete": None}]
            )
        },
    ),
    "aws_s3_bucket_server_side_encryption_configuration": _setting(
        "put_bucket_encryption",
        "get_bucket_encryption",
        "delete_bucket_encryption",
        wrapper="ServerSideEncryptionConfiguration",
        attributes="rule",
        path="ServerSideEncryptionConfiguration",
        names={"kms_master_key_id": "KMSMasterKeyID"},
    ),
    "aws_s3_bucket_public_access_block": _setting(
        "put_public_access_block",
        "get_public_access_block",
        "delete_public_access_block",
        wrapper="PublicAccessBlockConfiguration",
        attributes=(
            "block_public_acls block_public_policy ignore_public_acls restrict_public_buckets"
        ),
        path="PublicAccessBlockConfiguration",
        defaults=dict.fromkeys(
            (
                "block_public_acls",
                "block_public_policy",
                "ignore_public_acls",
                "restrict_public_buckets",
            ),
            False,
        ),
    ),
    "aws_s3_bucket_cors_configuration": _setting(
        "put_bucket_cors",
        "get_bucket_cors",
        "delete_bucket_cors",
        wrapper="CORSConfiguration",
        attributes="cors_rule",
        names={"cors_rule": "CORSRules"},
    ),
    "aws_s3_bucket_lifecycle_configuration": _setting(
        "put_bucket_lifecycle_configuration",
        "get_bucket_lifecycle_configuration",
        "delete_bucket_lifecycle",
        wrapper="LifecycleConfiguration",
        attributes="rule",
        defaults={"transition_default_minimum_object_size": "all_storage_classes_128K"},
        unread=words("transition_default_minimum_object_size expected_bucket_owner"),
    ),
    "aws_s3_bucket_ownership_controls": _setting(
        "put_bucket_ownership_controls",
        "get_bucket_ownership_controls",
        "delete_bucket_ownership_controls",
        wrapper="OwnershipControls",
        attributes="rule",
        path="OwnershipControls",
    ),
    "aws_s3_bucket_policy": _setting(
        "put_bucket_policy",
        "get_bucket_policy",
        "delete_bucket_policy",
        wrapper=None,
        attributes="policy",
    ),
}
