"""The S3 buckets of the emulated account: brought to the seed and read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.stack.aws_answers import absent, tag_list, tags_of
from harness.stack.aws_seed import MANAGED_ALGORITHM, Bucket

_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
_CORS = {
    "allowed_headers": "AllowedHeaders",
    "allowed_methods": "AllowedMethods",
    "allowed_origins": "AllowedOrigins",
    "expose_headers": "ExposeHeaders",
    "max_age_seconds": "MaxAgeSeconds",
}


def apply_bucket(s3: Any, bucket: Bucket, region: str, identifiers: Mapping[str, str]) -> None:
    """Make the bucket, or bring the one there to the seed; ``identifiers`` are key ids by alias."""
    name = bucket.name
    if absent(lambda: s3.head_bucket(Bucket=name), "404", "NoSuchBucket") is None:
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    s3.put_bucket_versioning(
        Bucket=name,
        VersioningConfiguration={"Status": "Enabled" if bucket.versioning else "Suspended"},
    )
    encryption: dict[str, str] = {"SSEAlgorithm": MANAGED_ALGORITHM}
    if bucket.encryption != MANAGED_ALGORITHM:
        encryption = {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": identifiers[bucket.encryption],
        }
    s3.put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": encryption}]
        },
    )
    s3.put_public_access_block(
        Bucket=name,
        PublicAccessBlockConfiguration=dict.fromkeys(_BLOCKS, bucket.public_access_blocked),
    )
    if bucket.cors:
        rules = [{_CORS[field]: value for field, value in rule.items()} for rule in bucket.cors]
        s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": rules})
    else:
        s3.delete_bucket_cors(Bucket=name)
    if bucket.lifecycle:
        s3.put_bucket_lifecycle_configuration(
            Bucket=name,
            LifecycleConfiguration={"Rules": [_lifecycle_rule(r) for r in bucket.lifecycle]},
        )
    else:
        s3.delete_bucket_lifecycle(Bucket=name)
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_list(bucket.tags)})


def read_bucket(s3: Any, name: str, aliases: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the facts of a bucket (``aliases`` by key id); None when it is absent."""
    if absent(lambda: s3.head_bucket(Bucket=name), "404", "NoSuchBucket") is None:
        return None
    encryption = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]
    default = encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"]
    key = str(default.get("KMSMasterKeyID", "")).rsplit("/", maxsplit=1)[-1]
    block = absent(
        lambda: s3.get_public_access_block(Bucket=name), "NoSuchPublicAccessBlockConfiguration"
    )
    cors = absent(lambda: s3.get_bucket_cors(Bucket=name), "NoSuchCORSConfiguration")
    lifecycle = absent(
        lambda: s3.get_bucket_lifecycle_configuration(Bucket=name),
        "NoSuchLifecycleConfiguration",
    )
    tagging = absent(lambda: s3.get_bucket_tagging(Bucket=name), "NoSuchTagSet")
    blocks = (block or {}).get("PublicAccessBlockConfiguration", {})
    return {
        "versioning": s3.get_bucket_versioning(Bucket=name).get("Status") == "Enabled",
        "encryption": aliases.get(key, key) if key else default["SSEAlgorithm"],
        "public_access_blocked": all(blocks.get(name) for name in _BLOCKS),
        "cors": [
            {field: rule.get(aws) for field, aws in _CORS.items()}
            for rule in (cors or {}).get("CORSRules", [])
        ],
        "lifecycle": [_read_rule(rule) for rule in (lifecycle or {}).get("Rules", [])],
        "tags": tags_of((tagging or {}).get("TagSet", [])),
    }


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    made = {
        "ID": rule["id"],
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "Transitions": [
            {"Days": step["days"], "StorageClass": step["storage_class"]}
            for step in rule["transitions"]
        ],
    }
    if rule["expiration_days"] is not None:
        made["Expiration"] = {"Days": rule["expiration_days"]}
    return made


def _read_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": rule.get("ID"),
        "transitions": [
            {"days": step.get("Days"), "storage_class": step.get("StorageClass")}
            for step in rule.get("Transitions", [])
        ],
        "expiration_days": rule.get("Expiration", {}).get("Days"),
    }
