"""The emulated AWS account of the running stack: seeded, mended, and reachable by nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from harness.stack import aws, containers, layout
from harness.stack.context import Context

pytestmark = pytest.mark.integration

BACKUPS = "smart-dairy-prod-backups"
ASSETS = "smart-dairy-prod-assets"
ENGINE_LOG = "/aws/elasticache/smart-dairy-prod/redis/engine-log"


@pytest.fixture
def mended(stack: Context) -> Iterator[Context]:
    """The stack, whose account is brought back to the seed whatever the test does to it."""
    yield stack
    aws.up(stack)


def _counts(stack: Context) -> dict[str, int]:
    return {
        "keys": len(aws.client(stack, "kms").list_keys()["Keys"]),
        "buckets": len(aws.client(stack, "s3").list_buckets()["Buckets"]),
        "zones": len(aws.client(stack, "route53").list_hosted_zones()["HostedZones"]),
        "secrets": len(aws.client(stack, "secretsmanager").list_secrets()["SecretList"]),
        "certificates": len(aws.client(stack, "acm").list_certificates()["CertificateSummaryList"]),
    }


def test_the_account_holds_the_seed_and_every_service_runs(stack: Context) -> None:
    [row] = aws.status(stack)

    assert aws.seeded(stack) == []
    assert row.state == "serving"
    assert row.endpoint == f"http://{stack.layout.address(layout.AWS)}:4566"


def test_up_again_makes_nothing_twice(stack: Context) -> None:
    before = _counts(stack)

    aws.up(stack)

    assert _counts(stack) == before


def test_drift_is_named_and_mended_by_up(mended: Context) -> None:
    s3, kms = aws.client(mended, "s3"), aws.client(mended, "kms")
    s3.put_bucket_versioning(Bucket=BACKUPS, VersioningConfiguration={"Status": "Suspended"})
    s3.delete_bucket_cors(Bucket=ASSETS)
    kms.disable_key_rotation(KeyId="alias/smart-dairy-rds")
    aws.client(mended, "logs").delete_log_group(logGroupName=ENGINE_LOG)
    aws.client(mended, "secretsmanager").update_secret(
        SecretId="smart-dairy/prod/redis", SecretString="{}"
    )

    differences = aws.seeded(mended)
    aws.up(mended)

    assert [difference.split(": ")[0] for difference in differences] == [
        "key alias/smart-dairy-rds rotation",
        f"bucket {ASSETS} cors",
        f"bucket {BACKUPS} versioning",
        "secret smart-dairy/prod/redis content",
        f"log group {ENGINE_LOG}",
    ]
    assert aws.seeded(mended) == []


def test_a_restarted_emulator_is_seeded_again(mended: Context) -> None:
    container = containers.find(mended, layout.AWS)
    assert container is not None
    container.kill()

    [row] = aws.status(mended)
    aws.up(mended)

    assert row.state == "exited"
    assert aws.seeded(mended) == []


def test_applications_read_the_passwords_of_the_running_databases(stack: Context) -> None:
    manager = aws.client(stack, "secretsmanager")
    database = json.loads(
        manager.get_secret_value(SecretId="smart-dairy/prod/database")["SecretString"]
    )

    # Compared as a truth value, so that a failure prints no password.
    same = database["password"] == stack.credentials.database_application
    assert same
    assert database["host"] == layout.DATABASE_PRIMARY_NAME


def test_a_backup_is_versioned_and_encrypted_with_the_backup_key(stack: Context) -> None:
    s3 = aws.client(stack, "s3")
    name = "harness/test-backup"
    first = s3.put_object(Bucket=BACKUPS, Key=name, Body=b"first")
    second = s3.put_object(Bucket=BACKUPS, Key=name, Body=b"second")
    try:
        old = s3.get_object(Bucket=BACKUPS, Key=name, VersionId=first["VersionId"])

        assert old["Body"].read() == b"first"
        assert second["ServerSideEncryption"] == "aws:kms"
    finally:
        for put in (first, second):
            s3.delete_object(Bucket=BACKUPS, Key=name, VersionId=put["VersionId"])


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("codepipeline", "list_pipelines"),
        ("guardduty", "list_detectors"),
    ],
)
def test_what_is_not_emulated_says_so(stack: Context, service: str, operation: str) -> None:
    client = aws.client(stack, service)

    with pytest.raises(ClientError, match=service) as refusal:
        getattr(client, operation)()

    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_the_account_is_the_emulator_s_own(stack: Context) -> None:
    assert aws.client(stack, "sts").get_caller_identity()["Account"] == "000000000000"


def test_the_emulator_knows_no_outside_service(stack: Context) -> None:
    container = containers.find(stack, layout.AWS)
    assert container is not None
    code, output = containers.execute(
        container,
        [
            "python3",
            "-c",
            "from localstack import config, constants as c; "
            "print(c.API_ENDPOINT, c.ANALYTICS_API, config.DISABLE_EVENTS, config.DNS_ADDRESS)",
        ],
    )

    assert code == 0
    assert output.split()[-4:] == ["http://127.0.0.1:9", "http://127.0.0.1:9", "True", "0"]


def test_the_emulators_own_client_sees_the_same_buckets(stack: Context) -> None:
    """A person with localstack-client and our endpoint reads what the harness seeded."""
    from localstack_client.session import Session

    session = Session(
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name=layout.REGION,
        localstack_host=stack.layout.address(layout.AWS),
    )
    theirs = {bucket["Name"] for bucket in session.client("s3").list_buckets()["Buckets"]}
    ours = {b["Name"] for b in aws.client(stack, "s3").list_buckets()["Buckets"]}

    assert "smart-dairy-prod-assets" in theirs
    assert ours == theirs
