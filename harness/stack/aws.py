"""The AWS plane: LocalStack in its own container.

LocalStack's open edition lacks the services of ``PLANE``; ``harness.awsplane`` brings them, as
a plugin that is mounted into the container.
"""

from __future__ import annotations

from typing import Any

import urllib3

from harness import clock
from harness.awsplane import package
from harness.errors import EnvironmentUnavailable
from harness.polling import wait_until
from harness.stack import aws_account, aws_package, containers, credentials, layout
from harness.stack.aws_client import isolated_client
from harness.stack.aws_control import Control
from harness.stack.aws_seed import Seed, compare, wanted
from harness.stack.aws_seed_reader import load
from harness.stack.containers import ContainerSpec
from harness.stack.context import Context
from harness.stack.status import PartStatus

PART = "aws"
PORT = 4566
# LocalStack's own.
BUILT_IN = (
    "acm",
    "cloudwatch",
    "ec2",
    "events",
    "iam",
    "kms",
    "logs",
    "route53",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "sts",
)
# Those of harness.awsplane.
PLANE = tuple(package.PROVIDERS)
SERVICES = (*BUILT_IN, *PLANE)

# Loading all services took 5 s on a quiet 2-core machine; beside a starting cluster far more.
HEALTH_LIMIT_SECONDS = 180
SEED_LIMIT_SECONDS = 60
_HEALTH_TIMEOUT_SECONDS = 2


def up(context: Context) -> None:
    """Start the emulator, wait until every service answers, and seed what is missing.

    LocalStack keeps its state in memory: a restarted container is seeded again. Raises
    EnvironmentUnavailable at once when a service or ``harness.awsplane`` cannot be loaded.
    """
    aws_package.write(context.folders)
    containers.ensure(context, specification(context))
    started = clock.monotonic()
    problems: list[str] = []

    def settled() -> bool:
        if containers.state(context, layout.AWS) in ("exited", "dead"):
            problems[:] = ["its container ended"]
            return True
        health = _health(context)
        problems[:] = broken(health)
        return bool(problems) or not not_running(health)

    wait_until(
        settled,
        what=f"the AWS services {', '.join(SERVICES)} to run",
        limit_seconds=HEALTH_LIMIT_SECONDS,
        hint=f"docker logs {layout.AWS}",
        ignore=(urllib3.exceptions.HTTPError, ValueError, NoHealth),
    )
    problems += [] if problems else _plane_problems(context)
    if problems:
        raise EnvironmentUnavailable(
            f"The AWS emulator started without all its services: {'; '.join(problems)}. "
            f"Next step: docker logs {layout.AWS}"
        )
    context.report(f"aws: {len(SERVICES)} services run after {clock.monotonic() - started:.1f} s")
    if not context.seeded:
        context.report("aws: the account is left empty, for python -m harness apply")
        return
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
            failing = not_running(_health(context))
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
            "what": "AWS services " + ", ".join(PLANE),
            "production": "every operation, with its effect",
            "emulation": "providers of the harness: some operations act on the running stack, "
            "most are only remembered, others are answered with an error; "
            "python -m harness status --aws lists each",
            "why": "LocalStack 4.14.0, open edition, does not have these services",
            "weakens": [],
        },
        {
            "what": "forced failover of the database over the AWS API",
            "production": "the primary's host is given up abruptly",
            "emulation": "Patroni stops the primary in order and promotes its synchronous standby",
            "why": "the emulator has no hand on the containers; experiments that need a crash "
            "kill the container themselves",
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
            "PYTHONPATH": f"/opt/localstack:{aws_package.INSIDE}",
            "AWSPLANE_VERSION": aws_package.version(),
            # LocalStack's own DynamoDB needs Java, which the image does not have.
            "PROVIDER_OVERRIDE_DYNAMODB": "moto",
            "PROVIDER_OVERRIDE_DYNAMODBSTREAMS": "moto",
            # Seconds until a requested certificate counts as issued; AWS takes minutes.
            "MOTO_ACM_VALIDATION_WAIT": "0",
        },
        mounts={aws_package.folder(context.folders): aws_package.INSIDE},
        # 570 MiB with LocalStack's own services loaded and nothing stored.
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


class NoHealth(EnvironmentUnavailable):
    """The emulator's answer is no health document."""


def not_running(health: object) -> list[str]:
    """Return the needed services that a ``/_localstack/health`` answer does not show as running.

    Raises NoHealth for an answer that is no such document.
    """
    services = _services(health)
    return [name for name in SERVICES if services.get(name) != "running"]


def broken(health: object) -> list[str]:
    """Return a sentence for each needed service that will not come to run, however long one waits.

    All services are loaded before the first health answer: one that is unknown then has no
    provider, one in error could not be loaded. Raises NoHealth.
    """
    services = _services(health)
    problems = []
    for name in SERVICES:
        state = services.get(name, "unknown")
        if state in ("unknown", "error", "disabled"):
            problems.append(f"{name}: expected running, got {state}")
    return problems


def _services(health: object) -> dict[str, Any]:
    services = health.get("services") if isinstance(health, dict) else None
    if not isinstance(services, dict):
        raise NoHealth(f"Expected a health document with services, got {health!r}")
    return services


def _health(context: Context) -> object:
    # urllib3 reads no proxy settings, so that the request goes to the container itself.
    with urllib3.PoolManager(retries=False) as pool:
        answer = pool.request(
            "GET", f"{endpoint(context)}/_localstack/health", timeout=_HEALTH_TIMEOUT_SECONDS
        )
        health: object = answer.json()
        return health


def _plane_problems(context: Context) -> list[str]:
    try:
        got = Control(endpoint(context)).version()
    except EnvironmentUnavailable:
        return ["awsplane: expected control routes, got none (it could not start)"]
    expected = aws_package.version()
    return [] if got == expected else [f"awsplane: expected version {expected}, got {got!r}"]


def _nothing_missing(context: Context, seed: Seed) -> bool:
    missing = seeded(context, seed)
    if missing:
        raise EnvironmentUnavailable("; ".join(missing))
    return True
