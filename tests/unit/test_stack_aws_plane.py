"""The resources of the plane, the wiring's CA, and the client of the control routes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
import yaml
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from harness.awsplane.faults import Rule
from harness.awsplane.operations import Operations
from harness.errors import EnvironmentUnavailable, ExitCode, InputInvalid
from harness.report import stack_tables
from harness.stack import aws, aws_plane, layout
from harness.stack.aws_control import ROOT, Control
from harness.stack.aws_plane import Call, Resource

VALUES = {
    "database_name": "db",
    "database_user": "odoo",
    "database_application": "password-of-odoo",
    "cache_auth_token": "token-of-redis",
}


def test_the_resources_are_those_of_the_document() -> None:
    resources = {r.name: r for r in aws_plane.load(aws_plane.RESOURCES, VALUES)}

    primary = resources["DB instance smart-dairy-prod-db-primary"].make.parameters
    assert (primary["MultiAZ"], primary["DBInstanceClass"]) == (True, "db.r6i.2xlarge")
    assert primary["MasterUserPassword"] == "password-of-odoo"
    assert "DB instance smart-dairy-prod-db-replica" in resources
    assert "node group smart-dairy-app-nodes" in resources
    assert "node group smart-dairy-db-nodes" in resources
    group = resources["replication group smart-dairy-prod-redis"].make.parameters
    assert (group["NumCacheClusters"], group["AutomaticFailoverEnabled"]) == (3, True)


@pytest.mark.parametrize(
    "resource", aws_plane.load(aws_plane.RESOURCES, VALUES), ids=lambda r: r.name
)
def test_every_call_is_one_that_aws_would_take(resource: Resource) -> None:
    client = aws.isolated_client("http://127.0.0.1:9", resource.service, layout.REGION)
    for call in (resource.read, resource.make):
        operation = client.meta.method_to_api_mapping[call.method]
        shape = client.meta.service_model.operation_model(operation).input_shape
        report = ParamValidator().validate(call.parameters, shape)
        assert not report.has_errors(), report.generate_report()


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (None, "resources: expected a list"),
        ({"resources": []}, "resources: expected a list"),
        ({"resources": ["x"]}, "resources[0]: expected an object, got 'x'"),
        ({"resources": [{"name": "n"}]}, "resources[0]: service: expected a text"),
        (
            {"resources": [{"read": {"call": "c", "with": {"a": "${nothing}"}}}]},
            "read: with: expected placeholders out of",
        ),
        ({"resources": [{"reed": {}}]}, "resources[0]: reed: expected only"),
    ],
)
def test_a_malformed_file_is_named(tmp_path: Path, document: object, said: str) -> None:
    path = tmp_path / "plane.yaml"
    path.write_text(yaml.safe_dump(document))

    with pytest.raises(InputInvalid) as refusal:
        aws_plane.load(path, VALUES)

    assert said in str(refusal.value)
    assert str(path) in str(refusal.value)
    assert refusal.value.exit_code == ExitCode.USAGE
    assert "password-of-odoo" not in str(refusal.value)


class _Client:
    def __init__(self, code: str | None) -> None:
        self.code = code
        self.made: list[dict[str, Any]] = []

    def read(self, **parameters: Any) -> None:
        if self.code is not None:
            raise ClientError({"Error": {"Code": self.code, "Message": "m"}}, "Read")

    def make(self, **parameters: Any) -> None:
        self.made.append(parameters)


RESOURCE = Resource("thing", "rds", Call("read", {}), "NotFound", Call("make", {"a": 1}))


@pytest.mark.parametrize(("code", "made"), [(None, []), ("NotFound", [{"a": 1}])])
def test_only_what_is_missing_is_made(code: str | None, made: list[dict[str, Any]]) -> None:
    client = _Client(code)

    assert aws_plane.ensure(RESOURCE, lambda service: client) is bool(made)
    assert client.made == made


def test_another_error_is_not_taken_for_missing() -> None:
    client = _Client("InternalFailure")

    with pytest.raises(EnvironmentUnavailable, match=r"thing of infra/aws/plane\.yaml.*Internal"):
        aws_plane.ensure(RESOURCE, lambda service: client)
    assert client.made == []


def test_the_ca_is_that_of_our_own_cluster(tmp_path: Path) -> None:
    def cluster(name: str, text: str) -> dict[str, Any]:
        data = base64.b64encode(text.encode()).decode()
        return {"name": name, "cluster": {"certificate-authority-data": data}}

    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        yaml.safe_dump({"clusters": [cluster("other", "WRONG"), cluster(layout.CONTEXT, "PEM")]})
    )

    assert aws_plane.cluster_ca(kubeconfig) == "PEM"


@pytest.mark.parametrize("text", ["", "clusters: []", "clusters: [{name: x}]", "{", "- a"])
def test_a_kubeconfig_without_it_is_named(tmp_path: Path, text: str) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(text)

    with pytest.raises(EnvironmentUnavailable, match="expected the CA of cluster"):
        aws_plane.cluster_ca(kubeconfig)


class _Emulator(BaseHTTPRequestHandler):
    answer: ClassVar[tuple[int, Any]] = (200, {})
    seen: ClassVar[list[tuple[str, str, bytes]]] = []

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append((self.command, self.path, body))
        status, document = self.answer
        data = document.encode() if isinstance(document, str) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_DELETE = _answer

    def log_message(self, format: str, *arguments: Any) -> None:
        """Stay silent."""


@pytest.fixture
def control() -> Iterator[Control]:
    _Emulator.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Emulator)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield Control(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


def test_faults_are_set_listed_and_cleared(control: Control) -> None:
    rule = Rule("slow", "latency", service="rds", seconds=1.5, matched=3, hit=2)
    _Emulator.answer = (200, [rule.as_json()])

    assert control.set_faults([rule]) == (rule,)
    assert control.faults() == (rule,)
    assert control.clear_faults() == (rule,)
    assert [(method, path) for method, path, _ in _Emulator.seen] == [
        ("PUT", ROOT + "/faults"),
        ("GET", ROOT + "/faults"),
        ("DELETE", ROOT + "/faults"),
    ]
    assert json.loads(_Emulator.seen[0][2])[0]["service"] == "rds"


def test_malformed_faults_are_refused_before_anything_is_sent(control: Control) -> None:
    with pytest.raises(InputInvalid, match="probability") as refusal:
        control.set_faults([Rule("x", "error", probability=2.0), Rule("", "error")])

    assert len(refusal.value.problems) == 2
    assert _Emulator.seen == []


def test_the_problems_of_the_emulator_are_passed_on(control: Control) -> None:
    _Emulator.answer = (400, {"problems": ["wiring: account: expected a text, got nothing"]})

    with pytest.raises(InputInvalid, match="account"):
        control.wire({})


@pytest.mark.parametrize("answer", [(404, {}), (500, {"message": "x"}), (200, "no JSON")])
def test_an_emulator_without_the_plane_is_named(control: Control, answer: tuple[int, Any]) -> None:
    _Emulator.answer = answer

    with pytest.raises(EnvironmentUnavailable, match="Next step: python -m harness up"):
        control.version()


def test_operations_are_read_and_shown(control: Control) -> None:
    _Emulator.answer = (
        200,
        {"rds": {"real": ["RebootDBInstance"], "kept": ["CreateDBInstance"], "missing": []}},
    )

    listed = control.operations()
    shown = stack_tables.operations(listed)

    assert listed == {"rds": Operations(("RebootDBInstance",), ("CreateDBInstance",), ())}
    assert "RebootDBInstance" in shown
    assert "missing:" in shown
