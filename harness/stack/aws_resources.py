"""Keys, secrets, hosted zones, certificates and log groups of the emulated account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.stack.aws_answers import absent, tag_list, tags_of
from harness.stack.aws_seed import Certificate, HostedZone, Key, LogGroup, Secret, digest, filled

_CALLER = "smart-dairy-harness"
_VALIDATION_TTL_SECONDS = 60


def keys_by_alias(kms: Any) -> dict[str, str]:
    """Return the key id of every alias."""
    pages = kms.get_paginator("list_aliases").paginate()
    found = [alias for page in pages for alias in page["Aliases"] if "TargetKeyId" in alias]
    return {alias["AliasName"]: alias["TargetKeyId"] for alias in found}


def apply_key(kms: Any, key: Key) -> None:
    """Make the key and its alias, or bring the ones there to the seed."""
    identifier = keys_by_alias(kms).get(key.alias)
    tags = tag_list(key.tags, "TagKey", "TagValue")
    if identifier is None:
        made = kms.create_key(Description=key.description, Tags=tags)
        identifier = made["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName=key.alias, TargetKeyId=identifier)
    else:
        kms.update_key_description(KeyId=identifier, Description=key.description)
        kms.tag_resource(KeyId=identifier, Tags=tags)
    if key.rotation:
        kms.enable_key_rotation(KeyId=identifier)
    else:
        kms.disable_key_rotation(KeyId=identifier)


def read_key(kms: Any, identifier: str | None) -> dict[str, Any] | None:
    """Return the facts of a key; None without an id."""
    if identifier is None:
        return None
    listed = kms.list_resource_tags(KeyId=identifier)["Tags"]
    return {
        "description": kms.describe_key(KeyId=identifier)["KeyMetadata"]["Description"],
        "rotation": kms.get_key_rotation_status(KeyId=identifier)["KeyRotationEnabled"],
        "tags": tags_of(listed, "TagKey", "TagValue"),
    }


def apply_secret(manager: Any, secret: Secret, values: Mapping[str, str]) -> None:
    """Make the secret, or bring the one there to the seed."""
    text = filled(secret.content, values, f"secret {secret.name}")
    tags = tag_list(secret.tags)
    common = {"Description": secret.description, "KmsKeyId": secret.key, "SecretString": text}
    if _described(manager, secret.name) is None:
        manager.create_secret(Name=secret.name, Tags=tags, **common)
    else:
        manager.update_secret(SecretId=secret.name, **common)
        manager.tag_resource(SecretId=secret.name, Tags=tags)


def _described(manager: Any, name: str) -> Any:
    return absent(lambda: manager.describe_secret(SecretId=name), "ResourceNotFoundException")


def read_secret(manager: Any, name: str, aliases: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the facts of a secret, its content as a digest; None when it is absent."""
    found = _described(manager, name)
    if found is None:
        return None
    key = str(found.get("KmsKeyId", ""))
    return {
        "description": found.get("Description", ""),
        "key": aliases.get(key.rsplit("/", maxsplit=1)[-1], key),
        "content": digest(_content(manager, name)),
        "tags": tags_of(found.get("Tags", [])),
    }


def _content(manager: Any, name: str) -> str:
    answer = absent(lambda: manager.get_secret_value(SecretId=name), "ResourceNotFoundException")
    return str((answer or {}).get("SecretString", ""))


def _zone(route53: Any, name: str) -> Any:
    listed = route53.list_hosted_zones_by_name(DNSName=f"{name}.")["HostedZones"]
    return next((zone for zone in listed if zone["Name"] == f"{name}."), None)


def read_zone(route53: Any, name: str) -> dict[str, Any] | None:
    """Return the facts of a hosted zone; None when it is absent."""
    zone = _zone(route53, name)
    return None if zone is None else {"private": zone["Config"]["PrivateZone"]}


def apply_zone(route53: Any, zone: HostedZone) -> None:
    """Make the hosted zone when it is absent."""
    if _zone(route53, zone.name) is None:
        route53.create_hosted_zone(Name=zone.name, CallerReference=f"{_CALLER}/{zone.name}")


def _certificate(acm: Any, domain: str) -> Any:
    pages = acm.get_paginator("list_certificates").paginate()
    listed = [found for page in pages for found in page["CertificateSummaryList"]]
    arn = next((c["CertificateArn"] for c in listed if c["DomainName"] == domain), None)
    return None if arn is None else acm.describe_certificate(CertificateArn=arn)["Certificate"]


def apply_certificate(acm: Any, route53: Any, certificate: Certificate) -> None:
    """Request the certificate when it is absent and publish its validation records."""
    found = _certificate(acm, certificate.domain)
    tags = tag_list(certificate.tags)
    if found is None:
        optional = {"SubjectAlternativeNames": list(certificate.alternative_names)}
        acm.request_certificate(
            DomainName=certificate.domain,
            ValidationMethod="DNS",
            Tags=tags,
            **(optional if certificate.alternative_names else {}),
        )
        found = _certificate(acm, certificate.domain)
    else:
        acm.add_tags_to_certificate(CertificateArn=found["CertificateArn"], Tags=tags)
    zone = _zone(route53, certificate.zone)
    route53.change_resource_record_sets(
        HostedZoneId=zone["Id"],
        ChangeBatch={
            "Changes": [
                {
                    "Action": "UPSERT",
                    "ResourceRecordSet": {
                        "Name": name,
                        "Type": kind,
                        "TTL": _VALIDATION_TTL_SECONDS,
                        "ResourceRecords": [{"Value": value}],
                    },
                }
                for name, kind, value in sorted(_validation(found))
            ]
        },
    )


def _validation(certificate: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    records = [o["ResourceRecord"] for o in certificate["DomainValidationOptions"]]
    return {(record["Name"], record["Type"], record["Value"]) for record in records}


def read_certificate(acm: Any, route53: Any, certificate: Certificate) -> dict[str, Any] | None:
    """Return the facts of a certificate and its records; None when it is absent."""
    found = _certificate(acm, certificate.domain)
    zone = _zone(route53, certificate.zone)
    if found is None:
        return None
    present: set[tuple[str, str, str]] = set()
    if zone is not None:
        pages = route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone["Id"])
        present = {
            (record["Name"].rstrip("."), record["Type"], value["Value"])
            for page in pages
            for record in page["ResourceRecordSets"]
            for value in record.get("ResourceRecords", [])
        }
    needed = {(name.rstrip("."), kind, value) for name, kind, value in _validation(found)}
    listed = acm.list_tags_for_certificate(CertificateArn=found["CertificateArn"])["Tags"]
    return {
        "names": sorted({found["DomainName"], *found.get("SubjectAlternativeNames", [])}),
        "status": found["Status"],
        "validation_records": bool(needed) and needed <= present,
        "tags": tags_of(listed),
    }


def _log_group(logs: Any, name: str) -> Any:
    listed = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return next((group for group in listed if group["logGroupName"] == name), None)


def apply_log_group(logs: Any, group: LogGroup) -> None:
    """Make the log group, or bring the one there to the seed."""
    if _log_group(logs, group.name) is None:
        logs.create_log_group(logGroupName=group.name, tags=dict(group.tags))
    else:
        logs.tag_log_group(logGroupName=group.name, tags=dict(group.tags))
    if group.retention_days is None:
        logs.delete_retention_policy(logGroupName=group.name)
    else:
        logs.put_retention_policy(logGroupName=group.name, retentionInDays=group.retention_days)


def read_log_group(logs: Any, name: str) -> dict[str, Any] | None:
    """Return the facts of a log group; None when it is absent."""
    found = _log_group(logs, name)
    if found is None:
        return None
    return {
        "retention_days": found.get("retentionInDays"),
        "tags": logs.list_tags_log_group(logGroupName=name).get("tags", {}),
    }
