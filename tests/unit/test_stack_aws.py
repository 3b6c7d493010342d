"""The AWS plane without an emulator: seed, comparison, and clients that see nothing else."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
import yaml
from botocore.exceptions import ClientError

from harness.awsplane import package
from harness.errors import EnvironmentUnavailable, ExitCode, InputInvalid, RefusedForSafety
from harness.stack import aws, aws_client, aws_seed_reader
from harness.stack.aws_seed import compare, digest, filled, wanted
from harness.stack.aws_seed_reader import SEED, load, parse

VALUES = {
    "database_primary_name": "db.internal",
    "database_replica_name": "replica.internal",
    "database_name": "smart_dairy_prod",
    "database_user": "odoo",
    "database_application": "secret-of-the-database",
    "cache_primary_name": "redis.internal",
    "cache_auth_token": "secret-of-the-cache",
}


def _document() -> dict[str, Any]:
    document = yaml.safe_load(SEED.read_text())
    assert isinstance(document, dict)
    return document


def test_the_seed_holds_what_the_document_names() -> None:
    facts = wanted(load(), VALUES)

    assert set(facts) >= {
        "bucket smart-dairy-prod-assets",
        "bucket smart-dairy-prod-backups",
        "bucket smart-dairy-terraform-state-prod",
        "key alias/smart-dairy-rds",
        "key alias/smart-dairy-redis",
        "key alias/smart-dairy-backup",
        "hosted zone smartdairy.com.bd",
        "certificate smartdairy.com.bd in ap-south-1",
        "certificate cdn.smartdairy.com.bd in us-east-1",
        "log group /aws/elasticache/smart-dairy-prod/redis/slow-log",
        "log group /aws/elasticache/smart-dairy-prod/redis/engine-log",
        "log group /aws/eks/smart-dairy-prod-eks/cluster",
    }
    assert facts["bucket smart-dairy-prod-backups"]["lifecycle"] == [
        {
            "id": "archive-old-backups",
            "transitions": [
                {"days": 30, "storage_class": "STANDARD_IA"},
                {"days": 90, "storage_class": "GLACIER"},
            ],
            "expiration_days": 365,
        }
    ]
    assert facts["key alias/smart-dairy-rds"]["tags"]["Environment"] == "production"


def test_secrets_appear_only_as_digests() -> None:
    text = repr(wanted(load(), VALUES))

    assert "secret-of-the" not in text
    assert digest(filled(load().secrets[0].content, VALUES, "x")) in text


DEFECTS: list[tuple[list[Any], Any, str]] = [
    (["region"], None, "region: expected text, got None"),
    (["keys", 0, "rotation"], "yes", "keys[0]: rotation: expected true or false, got 'yes'"),
    (["keys", 0, "rotatoin"], True, "keys[0]: expected only alias, description, rotation, tags"),
    (["buckets"], {}, "buckets: expected a list, got {}"),
    (["buckets", 1], "name", "buckets[1]: expected a mapping, got str"),
    (["buckets", 0, "encryption"], "alias/none", "encryption: expected AES256 or one of"),
    (["buckets", 0, "cors", 0, "allowed_methods"], [1], "expected texts, got [1]"),
    (
        ["buckets", 1, "lifecycle", 0, "transitions", 0, "days"],
        True,
        "buckets[1]: lifecycle[0]: transitions[0]: days: expected a whole number, got True",
    ),
    (["secrets", 0, "key"], "alias/none", "key: expected one of"),
    (["secrets", 0, "content", "port"], 5432, "content: expected texts, got {'port': 5432}"),
    (["certificates", 0, "zone"], "example.org", "zone: expected one of ['smartdairy.com.bd']"),
    (["log_groups", 0, "retention_days"], "30", "retention_days: expected a whole number"),
    (["bucket"], [], "got also bucket"),
]


@pytest.mark.parametrize(("path", "value", "said"), DEFECTS)
def test_a_malformed_seed_names_file_field_expected_and_got(
    path: list[Any], value: object, said: str
) -> None:
    document = _document()
    at: Any = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value

    with pytest.raises(InputInvalid) as refusal:
        parse(document, "seed.yaml")

    assert said in str(refusal.value)
    assert all(problem.startswith("seed.yaml: ") for problem in refusal.value.problems)
    assert refusal.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize("path", [["region"], ["keys", 0, "alias"], ["secrets", 0, "content"]])
def test_a_missing_field_is_named(path: list[Any]) -> None:
    document = _document()
    at: Any = document
    for step in path[:-1]:
        at = at[step]
    del at[path[-1]]

    with pytest.raises(InputInvalid, match=f"{path[-1]}: expected .*, got nothing"):
        parse(document, "seed.yaml")


@pytest.mark.parametrize("raw", [None, [], "text", 3])
def test_a_seed_that_is_no_mapping_is_one_clear_error(raw: object) -> None:
    with pytest.raises(InputInvalid, match=r"^seed\.yaml: expected a mapping, got \w+$"):
        parse(raw, "seed.yaml")


def test_several_defects_are_named_at_once() -> None:
    document = _document()
    document["region"] = 3
    document["keys"][0]["rotation"] = 1
    document["log_groups"][0]["name"] = None

    with pytest.raises(InputInvalid) as refusal:
        parse(document, "seed.yaml")

    assert len(refusal.value.problems) == 3


def test_a_file_that_is_no_yaml_or_not_there_is_named_with_its_line(tmp_path: Path) -> None:
    broken = tmp_path / "seed.yaml"
    broken.write_text("region: x\nkeys: [\n")

    with pytest.raises(InputInvalid, match="line 3"):
        load(broken)
    with pytest.raises(InputInvalid, match=r"none\.yaml"):
        aws_seed_reader.load(tmp_path / "none.yaml")


def test_an_unknown_placeholder_is_refused_without_any_value() -> None:
    with pytest.raises(InputInvalid, match=r"secret x: expected placeholders out of .*'nothing'"):
        filled({"password": "${nothing}"}, VALUES, "secret x")


def test_a_seeded_account_has_no_differences() -> None:
    facts = wanted(load(), VALUES)

    assert compare(facts, copy.deepcopy(facts)) == []


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("bucket smart-dairy-prod-assets", "versioning", False),
        ("bucket smart-dairy-prod-backups", "encryption", "AES256"),
        ("bucket smart-dairy-prod-assets", "public_access_blocked", False),
        ("key alias/smart-dairy-rds", "rotation", False),
        ("certificate smartdairy.com.bd in ap-south-1", "status", "PENDING_VALIDATION"),
        ("log group /aws/eks/smart-dairy-prod-eks/cluster", "retention_days", None),
        ("secret smart-dairy/prod/redis", "content", "sha256:0"),
    ],
)
def test_a_drifted_fact_is_one_difference(name: str, field: str, value: object) -> None:
    facts = wanted(load(), VALUES)
    found = copy.deepcopy(facts)
    found[name][field] = value

    differences = compare(facts, found)

    assert len(differences) == 1
    assert differences[0].startswith(f"{name} {field}: expected ")
    assert differences[0].endswith(f"got {value!r}")


def test_a_missing_resource_is_one_difference() -> None:
    facts = wanted(load(), VALUES)
    found = {k: v for k, v in facts.items() if k != "hosted zone smartdairy.com.bd"}

    assert compare(facts, found) == [
        "hosted zone smartdairy.com.bd: expected to be there, got absent"
    ]


def test_a_resource_that_the_seed_does_not_have_is_no_difference() -> None:
    facts = wanted(load(), VALUES)

    assert compare(facts, {**facts, "bucket other": {}}) == []


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        (dict.fromkeys(aws.SERVICES, "running"), []),
        ({**dict.fromkeys(aws.SERVICES, "running"), "kms": "available"}, ["kms"]),
        ({**dict.fromkeys(aws.SERVICES, "running"), "s3": "error"}, ["s3"]),
        ({name: "running" for name in aws.SERVICES if name != "sts"}, ["sts"]),
        ({}, list(aws.SERVICES)),
    ],
)
def test_health_names_each_needed_service_that_does_not_run(
    services: dict[str, str], expected: list[str]
) -> None:
    assert aws.not_running({"services": services}) == expected


@pytest.mark.parametrize("answer", [None, [], {}, {"services": None}, "Bad gateway"])
def test_an_answer_that_is_no_health_document_is_refused(answer: object) -> None:
    with pytest.raises(EnvironmentUnavailable, match="health document"):
        aws.not_running(answer)


def test_each_difference_says_what_production_has_and_why() -> None:
    keys = {"what", "production", "emulation", "why", "weakens"}

    assert all(set(difference) == keys for difference in aws.differences())


def test_the_services_of_the_plane_are_asked_for_and_named_as_a_difference() -> None:
    assert set(aws.PLANE) == set(package.PROVIDERS)
    assert set(aws.PLANE) < set(aws.SERVICES)
    assert len(set(aws.SERVICES)) == len(aws.SERVICES)
    assert all(name in aws.differences()[0]["what"] for name in ("rds", "eks", "elasticache"))


RUNNING = dict.fromkeys(aws.SERVICES, "running")


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        (RUNNING, []),
        # Still on its way: worth waiting for.
        ({**RUNNING, "rds": "starting", "kms": "available"}, []),
        ({**RUNNING, "rds": "error"}, ["rds: expected running, got error"]),
        ({**RUNNING, "eks": "disabled"}, ["eks: expected running, got disabled"]),
        (
            {name: state for name, state in RUNNING.items() if name != "elbv2"},
            ["elbv2: expected running, got unknown"],
        ),
    ],
)
def test_a_service_that_will_never_run_ends_the_wait(
    services: dict[str, str], expected: list[str]
) -> None:
    assert aws.broken({"services": services}) == expected


class _Emulator(BaseHTTPRequestHandler):
    requests: ClassVar[list[tuple[str, str]]] = []
    redirect: ClassVar[str] = ""

    def do_GET(self) -> None:
        self.requests.append((self.path, self.headers.get("Authorization", "")))
        body = b"<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>"
        if self.redirect:
            self.send_response(301)
            self.send_header("x-amz-bucket-region", "eu-west-1")
            body = (
                f"<Error><Code>PermanentRedirect</Code><Endpoint>{self.redirect}</Endpoint></Error>"
            ).encode()
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def emulator() -> Iterator[str]:
    _Emulator.requests, _Emulator.redirect = [], ""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Emulator)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_client_reads_nothing_from_its_surroundings(
    emulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = "AKIA" + "Q" * 16
    folder = tmp_path / ".aws"
    folder.mkdir()
    for name in ("credentials", "config"):
        (folder / name).write_text(
            f"[default]\naws_access_key_id = {real}\naws_secret_access_key = x\n"
            "region = eu-west-1\nendpoint_url = http://127.0.0.1:9\n"
        )
    surroundings = {
        "HOME": str(tmp_path),
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_ACCESS_KEY_ID": real,
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_SESSION_TOKEN": "x",
        "AWS_PROFILE": "does-not-exist",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)

    answer = aws_client.isolated_client(emulator, "s3", "ap-south-1").list_buckets()

    assert answer["Buckets"] == []
    [(_, authorization)] = _Emulator.requests
    assert "Credential=test/" in authorization
    assert "/ap-south-1/s3/" in authorization
    assert real not in authorization


def test_a_request_to_another_host_is_refused_before_it_is_sent(emulator: str) -> None:
    client = aws_client.isolated_client(emulator, "s3", "ap-south-1")

    def elsewhere(request: Any, **_: object) -> None:
        request.url = "http://s3.ap-south-1.amazonaws.com/"

    client.meta.events.register_first("before-sign.s3", elsewhere)

    with pytest.raises(RefusedForSafety, match=r"got s3\.ap-south-1\.amazonaws\.com"):
        client.list_buckets()
    assert _Emulator.requests == []


def test_a_redirect_never_leads_away_from_the_emulator(emulator: str) -> None:
    _Emulator.redirect = "bucket.s3.eu-west-1.amazonaws.com"
    client = aws_client.isolated_client(emulator, "s3", "ap-south-1")

    with pytest.raises((ClientError, RefusedForSafety)):
        client.list_objects_v2(Bucket="bucket")

    assert _Emulator.requests
