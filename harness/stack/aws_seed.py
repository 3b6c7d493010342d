"""The seed of the emulated AWS account: what ``infra/aws/seed.yaml`` says, as data.

``wanted`` turns a seed into one flat table of facts; ``harness.stack.aws_account`` reads the
same table from the API, and ``compare`` names every difference between the two.
"""

from __future__ import annotations

import hashlib
import json
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import InputInvalid

ABSENT = "absent"
MANAGED_ALGORITHM = "AES256"

Facts = dict[str, Any]
Tags = Mapping[str, str]


@dataclass(frozen=True)
class Key:
    """A KMS key, known by its alias."""

    alias: str
    description: str
    rotation: bool
    tags: Tags


@dataclass(frozen=True)
class Bucket:
    """An S3 bucket; ``encryption`` is AES256 or the alias of a key of the seed."""

    name: str
    versioning: bool
    encryption: str
    public_access_blocked: bool
    cors: tuple[Mapping[str, Any], ...]
    lifecycle: tuple[Mapping[str, Any], ...]
    tags: Tags


@dataclass(frozen=True)
class Secret:
    """A secret whose content still has its ``${...}`` placeholders."""

    name: str
    description: str
    key: str
    content: Mapping[str, str]
    tags: Tags


@dataclass(frozen=True)
class HostedZone:
    """A public Route 53 zone."""

    name: str


@dataclass(frozen=True)
class Certificate:
    """An ACM certificate, validated by records in the hosted zone ``zone``."""

    domain: str
    region: str
    alternative_names: tuple[str, ...]
    zone: str
    tags: Tags


@dataclass(frozen=True)
class LogGroup:
    """A CloudWatch log group; ``retention_days`` None means that events never expire."""

    name: str
    retention_days: int | None
    tags: Tags


@dataclass(frozen=True)
class Seed:
    """Everything that the account holds once it is seeded."""

    region: str
    keys: tuple[Key, ...]
    buckets: tuple[Bucket, ...]
    secrets: tuple[Secret, ...]
    hosted_zones: tuple[HostedZone, ...]
    certificates: tuple[Certificate, ...]
    log_groups: tuple[LogGroup, ...]


def filled(content: Mapping[str, str], values: Mapping[str, str], where: str) -> str:
    """Return a secret's text (JSON) with its placeholders filled from ``values``.

    Raises InputInvalid for a placeholder that ``values`` does not have.
    """
    try:
        return json.dumps(
            {key: string.Template(text).substitute(values) for key, text in content.items()}
        )
    except (KeyError, ValueError) as error:
        raise InputInvalid(
            f"{where}: expected placeholders out of {', '.join(sorted(values))}, got {error}"
        ) from error


def wanted(seed: Seed, values: Mapping[str, str]) -> Facts:
    """Return the facts that hold once ``seed`` is in the account; secrets only as digests."""
    facts: Facts = {}
    for key in seed.keys:
        facts[f"key {key.alias}"] = {
            "description": key.description,
            "rotation": key.rotation,
            "tags": dict(key.tags),
        }
    for bucket in seed.buckets:
        facts[f"bucket {bucket.name}"] = {
            "versioning": bucket.versioning,
            "encryption": bucket.encryption,
            "public_access_blocked": bucket.public_access_blocked,
            "cors": [dict(rule) for rule in bucket.cors],
            "lifecycle": [dict(rule) for rule in bucket.lifecycle],
            "tags": dict(bucket.tags),
        }
    for secret in seed.secrets:
        facts[f"secret {secret.name}"] = {
            "description": secret.description,
            "key": secret.key,
            "content": digest(filled(secret.content, values, f"secret {secret.name}")),
            "tags": dict(secret.tags),
        }
    for zone in seed.hosted_zones:
        facts[f"hosted zone {zone.name}"] = {"private": False}
    for certificate in seed.certificates:
        facts[certificate_fact(certificate)] = {
            "names": sorted({certificate.domain, *certificate.alternative_names}),
            "status": "ISSUED",
            "validation_records": True,
            "tags": dict(certificate.tags),
        }
    for group in seed.log_groups:
        facts[f"log group {group.name}"] = {
            "retention_days": group.retention_days,
            "tags": dict(group.tags),
        }
    return facts


def certificate_fact(certificate: Certificate) -> str:
    """Return the name under which a certificate stands in the facts."""
    return f"certificate {certificate.domain} in {certificate.region}"


def digest(text: str) -> str:
    """Return what is shown and compared in a secret's place."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def compare(expected: Facts, got: Facts) -> list[str]:
    """Return one sentence for each fact of ``expected`` that ``got`` does not share."""
    differences = []
    for name, properties in expected.items():
        found = got.get(name)
        if found is None:
            differences.append(f"{name}: expected to be there, got {ABSENT}")
            continue
        for field, value in properties.items():
            if found.get(field) != value:
                differences.append(f"{name} {field}: expected {value!r}, got {found.get(field)!r}")
    return differences
