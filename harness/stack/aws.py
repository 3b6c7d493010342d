"""The AWS plane: LocalStack in its own container."""

from __future__ import annotations

from typing import Any

import urllib3

from harness import clock
from harness.errors import EnvironmentUnavailable
from harness.polling import wait_until
from harness.stack import aws_account, containers, credentials, layout
from harness.stack.aws_client import isolated_client
from harness.stack.aws_seed import Seed, compare, wanted
from harness.stack.aws_seed_reader import load
from harness.stack.containers import ContainerSpec
from harness.stack.context import Context
from harness.stack.status import PartStatus

PART = "aws"
PORT = 4566
SERVICES = (
    "acm",
    "cloudwatch",
    "ec2",
    "iam",
    "kms",
    "logs",
    "route53",
    "s3",
    "secretsmanager",
    "sns",
    "ssm",
    "sts",
)
# What the document uses and the open edition does not have: no call to these is answered.
NOT_EMULATED = (
    "autoscaling",
    "cloudfront",
    "dynamodb",
    "ecr",
    "eks",
    "elasticache",
    "elbv2",
    "rds",
)

# Loading all services took 5 s on a quiet 2-core machine; beside a starting cluster far more.
HEALTH_LIMIT_SECONDS = 180
SEED_LIMIT_SECONDS = 60
_HEALTH_TIMEOUT_SECONDS = 2


def up(context: Context) -> None:
    """Start the emulator, wait until every service answers, and seed what is missing.

    LocalStack keeps its state in memory: a restarted container is seeded again.
    """
    containers.ensure(context, specification(context))
    started = clock.monotonic()
    wait_until(
        lambda: not _not_running(context),
        what=f"the AWS services {', '.join(SERVICES)} to run",
        limit_seconds=HEALTH_LIMIT_SECONDS,
        hint=f"docker logs {layout.AWS}",
        ignore=(urllib3.exceptions.HTTPError, ValueError, EnvironmentUnavailable),
    )
    context.report(f"aws: {len(SERVICES)} services run after {clock.monotonic() - started:.1f} s")
    seed = load()
    missing = seeded(context, seed)
    if missing:
        aws_account.apply(lambda s, r: client(context, s, r), seed, values(context))
        wait_until(
            lambda: _nothing_missing(context, seed),
            what="the seeded account to answer with what infra/aws/seed.yaml says",
            limit_seconds=SEED_LIMIT_SECONDS,
            hint=f"docker logs {layout.AWS}",
            ignore=(EnvironmentUnavailable,),
        )
        context.report(f"aws: account seeded ({len(wanted(seed, values(context)))} resources)")


def down(context: Context) -> list[str]:
    """Remove the emulator's container and return the names of what was removed."""
    return containers.remove(context, [layout.AWS])


def status(context: Context) -> list[PartStatus]:
    """Return the emulator's row, with the services that do not run."""
    container = containers.find(context, layout.AWS)
    state = "absent" if container is None else str(container.status)
    if state == "running":
        try:
            failing = _not_running(context)
        except (urllib3.exceptions.HTTPError, ValueError, EnvironmentUnavailable):
            failing = list(SERVICES)
        state = f"not serving: {', '.join(failing)}" if failing else "serving"
    zone = context.layout.zone(layout.AWS) or "provider"
    return [PartStatus(PART, layout.AWS, zone, "emulator", state, endpoint(context))]


def seeded(context: Context, seed: Seed | None = None) -> list[str]:
    """Return every difference between the seed and what the API answers; empty when seeded."""
    seed = load() if seed is None else seed
    expected = wanted(seed, values(context))
    return compare(expected, aws_account.observe(lambda s, r: client(context, s, r), seed))


def differences() -> list[dict[str, Any]]:
    """Return how this plane differs from AWS, and why."""
    return [
        {
            "what": "AWS services",
            "production": ", ".join(NOT_EMULATED),
            "emulation": "no answer (501); cluster, databases and caches run beside the emulator",
            "why": "LocalStack 4.14.0, open edition, does not have them",
            "weakens": [],
        },
        {
            "what": "issue of certificates",
            "production": "ACM looks up the validation records in DNS",
            "emulation": "issued at once, without a look",
            "why": "the emulator knows no public DNS",
            "weakens": [],
        },
        {
            "what": "access to the AWS API",
            "production": "IAM policies decide on every call",
            "emulation": "every call is allowed",
            "why": "the open edition enforces no policies",
            "weakens": [],
        },
    ]


def endpoint(context: Context) -> str:
    """Return the emulator's URL at its fixed address in the VPC."""
    return f"http://{context.layout.address(layout.AWS)}:{PORT}"


def client(context: Context, service: str, region: str = layout.REGION) -> Any:
    """Return a client of one AWS service of the emulator."""
    return isolated_client(endpoint(context), service, region)


def specification(context: Context) -> ContainerSpec:
    """Return how the emulator's container is started."""
    return ContainerSpec(
        name=layout.AWS,
        image="aws",
        part=PART,
        environment={
            "SERVICES": ",".join(SERVICES),
            # A service that cannot be loaded then shows at start and not at its first call.
            "EAGER_SERVICE_LOADING": "1",
            "LOCALSTACK_HOST": f"{layout.AWS_NAME}:{PORT}",
            # Seconds until a requested certificate counts as issued; AWS takes minutes.
            "MOTO_ACM_VALIDATION_WAIT": "0",
        },
        # 570 MiB with all services loaded and nothing stored.
        memory="1g",
    )


def values(context: Context) -> dict[str, str]:
    """Return what the placeholders of the seed stand for."""
    return {
        "database_primary_name": layout.DATABASE_PRIMARY_NAME,
        "database_replica_name": layout.DATABASE_REPLICA_NAME,
        "database_name": credentials.DATABASE_NAME,
        "database_user": credentials.DATABASE_USER,
        "database_application": context.credentials.database_application,
        "cache_primary_name": layout.CACHE_PRIMARY_NAME,
        "cache_auth_token": context.credentials.cache_auth_token,
    }


def not_running(health: object) -> list[str]:
    """Return the needed services that a ``/_localstack/health`` answer does not show as running.

    Raises EnvironmentUnavailable for an answer that is no such document.
    """
    services = health.get("services") if isinstance(health, dict) else None
    if not isinstance(services, dict):
        raise EnvironmentUnavailable(f"Expected a health document with services, got {health!r}")
    return [name for name in SERVICES if services.get(name) != "running"]


def _not_running(context: Context) -> list[str]:
    # urllib3 reads no proxy settings, so that the request goes to the container itself.
    with urllib3.PoolManager(retries=False) as pool:
        answer = pool.request(
            "GET", f"{endpoint(context)}/_localstack/health", timeout=_HEALTH_TIMEOUT_SECONDS
        )
        return not_running(answer.json())


def _nothing_missing(context: Context, seed: Seed) -> bool:
    missing = seeded(context, seed)
    if missing:
        raise EnvironmentUnavailable("; ".join(missing))
    return True
