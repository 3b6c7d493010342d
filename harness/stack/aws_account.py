"""Putting the seed into the emulated AWS account, and reading it back.

Every step may be repeated: what is there is brought to the wanted state, what is missing is
made, and nothing is deleted but settings that the seed does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from harness.errors import EnvironmentUnavailable
from harness.stack import aws_buckets, aws_resources
from harness.stack.aws_seed import Facts, Seed, certificate_fact

# Service and region -> client.
Clients = Callable[[str, str], Any]


def apply(clients: Clients, seed: Seed, values: Mapping[str, str]) -> None:
    """Bring the account to the seed. Raises EnvironmentUnavailable naming the resource."""
    kms, s3 = clients("kms", seed.region), clients("s3", seed.region)
    secrets, logs = clients("secretsmanager", seed.region), clients("logs", seed.region)
    route53 = clients("route53", seed.region)
    for key in seed.keys:
        with _naming(f"key {key.alias}"):
            aws_resources.apply_key(kms, key)
    with _naming("keys"):
        keys = aws_resources.keys_by_alias(kms)
    for bucket in seed.buckets:
        with _naming(f"bucket {bucket.name}"):
            aws_buckets.apply_bucket(s3, bucket, seed.region, keys)
    for secret in seed.secrets:
        with _naming(f"secret {secret.name}"):
            aws_resources.apply_secret(secrets, secret, values)
    for zone in seed.hosted_zones:
        with _naming(f"hosted zone {zone.name}"):
            aws_resources.apply_zone(route53, zone)
    for certificate in seed.certificates:
        with _naming(certificate_fact(certificate)):
            acm = clients("acm", certificate.region)
            aws_resources.apply_certificate(acm, route53, certificate)
    for group in seed.log_groups:
        with _naming(f"log group {group.name}"):
            aws_resources.apply_log_group(logs, group)


def observe(clients: Clients, seed: Seed) -> Facts:
    """Return the facts that the API answers for the resources of the seed.

    A resource that is not there has no entry. Raises EnvironmentUnavailable when the API fails.
    """
    kms, s3 = clients("kms", seed.region), clients("s3", seed.region)
    secrets, logs = clients("secretsmanager", seed.region), clients("logs", seed.region)
    route53 = clients("route53", seed.region)
    found: dict[str, dict[str, Any] | None] = {}
    with _naming("keys"):
        keys = aws_resources.keys_by_alias(kms)
        aliases = {identifier: alias for alias, identifier in keys.items()}
    for key in seed.keys:
        with _naming(what := f"key {key.alias}"):
            found[what] = aws_resources.read_key(kms, keys.get(key.alias))
    for bucket in seed.buckets:
        with _naming(what := f"bucket {bucket.name}"):
            found[what] = aws_buckets.read_bucket(s3, bucket.name, aliases)
    for secret in seed.secrets:
        with _naming(what := f"secret {secret.name}"):
            found[what] = aws_resources.read_secret(secrets, secret.name, aliases)
    for zone in seed.hosted_zones:
        with _naming(what := f"hosted zone {zone.name}"):
            found[what] = aws_resources.read_zone(route53, zone.name)
    for certificate in seed.certificates:
        with _naming(what := certificate_fact(certificate)):
            acm = clients("acm", certificate.region)
            found[what] = aws_resources.read_certificate(acm, route53, certificate)
    for group in seed.log_groups:
        with _naming(what := f"log group {group.name}"):
            found[what] = aws_resources.read_log_group(logs, group.name)
    return {what: facts for what, facts in found.items() if facts is not None}


@contextmanager
def _naming(what: str) -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise EnvironmentUnavailable(
            f"{what} of infra/aws/seed.yaml: expected an answer of the emulated AWS API, got: "
            f"{error}. Next step: python -m harness status"
        ) from error
