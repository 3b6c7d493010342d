"""Programs, providers, plans and diagnostics: what is decided around a run of Terraform."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from harness import cli, clock, command, commands
from harness.errors import EnvironmentUnavailable, ExitCode, InputInvalid
from harness.polling import wait_until
from harness.provision import changes, program, settings
from harness.provision.endpoints import block_of
from harness.provision.program import Program, parse_version
from harness.provision.provider import Choice, choose, mirrored_versions
from harness.provision.standin_package import StandIn, target
from harness.provision.terraform import diagnostic
from harness.provision.workspace import Workspace
from harness.report import provision_tables
from harness.stack.folders import Folders

TERRAFORM = Program("terraform", Path("/terraform"), "1.11.4", "providers.example")


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ('{"terraform_version": "1.11.4", "platform": "linux_amd64"}', (1, 11, 4)),
        ('{"terraform_version": "1.12.0-beta1"}', (1, 12, 0)),
        ("Terraform v1.5.7\non linux_amd64\n", (1, 5, 7)),
        ("OpenTofu v1.10.0\n", (1, 10, 0)),
        ("", None),
        ("{}", None),
        ("[]", None),
    ],
)
def test_versions_are_read(answer: str, version: tuple[int, int, int] | None) -> None:
    """Both programs, both forms; what cannot be read is no version."""
    assert parse_version(answer) == version


def _script(folder: Path, name: str, version: str) -> None:
    path = folder / name
    path.write_text(
        "#!/bin/sh\n"
        '[ "$1" = providers ] && { echo "provider[providers.example/hashicorp/aws]"; exit; }\n'
        f'echo \'{{"terraform_version": "{version}"}}\'\n'
    )
    path.chmod(0o755)


def test_the_first_program_that_is_new_enough_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old Terraform does not hide a new OpenTofu."""
    _script(tmp_path, "terraform", "1.9.8")
    _script(tmp_path, "tofu", "1.10.2")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = program.find()

    assert (found.name, found.version, found.title) == ("tofu", "1.10.2", "OpenTofu 1.10.2")
    assert found.provider_host == "providers.example"


@pytest.mark.parametrize(("version", "what"), [("1.9.8", "1.9.8"), (None, "was found on PATH")])
def test_no_program_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str | None, what: str
) -> None:
    """Too old or not there: the version and the remedy are named."""
    if version:
        _script(tmp_path, "terraform", version)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(program.shutil, "which", lambda name: _which(tmp_path, name))
    with pytest.raises(EnvironmentUnavailable, match=r"install Terraform 1\.10") as caught:
        program.find()

    assert what in str(caught.value)


def _which(folder: Path, name: str) -> str | None:
    path = folder / name
    return str(path) if path.exists() else None


def _change(name: str, *actions: str, **values: Any) -> dict[str, Any]:
    return {
        "address": f"{name}.x",
        "type": name,
        "mode": "managed",
        "provider_name": "registry/hashicorp/aws",
        "change": {"actions": list(actions), **values},
    }


PLAN = {
    "format_version": "1.2",
    "resource_changes": [
        _change("aws_a", "create", after={"lost": 1}),
        _change("aws_a", "create", after={}),
        _change("aws_b", "delete", "create", after={}),
        _change("aws_b", "no-op"),
        _change("aws_c", "update", before={"x": 1, "y": 1}, after={"x": 2, "y": 2}),
        _change("aws_d", "delete"),
        {**_change("random_id", "create", after={}), "provider_name": "registry/hashicorp/random"},
        {**_change("aws_e", "read"), "mode": "data"},
    ],
}


def test_a_plan_is_counted_by_type() -> None:
    """Replacements count once; what does not change is left out."""
    rows = changes.summary(PLAN)

    assert [(r.type, r.add, r.change, r.replace, r.destroy) for r in rows] == [
        ("aws_a", 2, 0, 0, 0),
        ("aws_b", 0, 0, 1, 0),
        ("aws_c", 0, 1, 0, 0),
        ("aws_d", 0, 0, 0, 1),
        ("random_id", 1, 0, 0, 0),
    ]
    assert changes.totals(rows) == {"add": 3, "change": 1, "replace": 1, "destroy": 1}


@pytest.mark.parametrize("version", ["2.0", None])
def test_a_plan_of_another_format_is_refused(version: str | None) -> None:
    """What is not understood is not summed up."""
    with pytest.raises(InputInvalid, match="expected format version 1"):
        changes.summary({"format_version": version} if version else {})


class _Row:
    def covers(self, attribute: str) -> bool:
        return attribute == "x"


def test_what_cannot_be_applied_is_named() -> None:
    """Types without mapping, attributes that are lost, and changes that have no call."""
    types = {"aws_a": _Row(), "aws_c": _Row()}
    found = changes.unmapped(PLAN, types, lambda name, values: sorted(values))

    assert [(f.address, f.reason) for f in found] == [
        ("aws_a.x", "attributes without API mapping: lost"),
        ("aws_b.x", "type without API mapping"),
        ("aws_c.x", "change in place of y without API mapping"),
        ("aws_d.x", "type without API mapping"),
    ]


def _mirror(tmp_path: Path, *names: str) -> Path:
    folder = tmp_path / TERRAFORM.provider_host / "hashicorp" / "aws"
    for name in names:
        (folder / name).mkdir(parents=True)
    return tmp_path


def test_both_layouts_of_a_mirror_are_read(tmp_path: Path) -> None:
    """Only packages for this machine count."""
    here = target()
    folder = _mirror(tmp_path, f"6.1.0/{here}", "6.2.0/plan9_mips")
    packed = folder / TERRAFORM.provider_host / "hashicorp" / "aws"
    (packed / f"terraform-provider-aws_6.3.0_{here}.zip").write_text("")

    assert mirrored_versions(folder, TERRAFORM) == ["6.1.0", "6.3.0"]


def test_a_mirror_without_the_provider_is_refused(tmp_path: Path) -> None:
    """A folder that a person names must hold what it is named for."""
    with pytest.raises(InputInvalid, match="expected a filesystem mirror"):
        choose(
            TERRAFORM,
            configuration=None,  # type: ignore[arg-type]
            standin=StandIn(tmp_path),
            choice=Choice.AUTO,
            mirror=tmp_path,
            endpoint="http://127.0.0.1:1",
            cache=tmp_path,
            report=lambda line: None,
        )


def test_a_mirror_with_the_provider_is_used(tmp_path: Path) -> None:
    """The real provider comes before the stand-in, and the result says why."""
    folder = _mirror(tmp_path, f"6.9.0/{target()}")
    chosen = choose(
        TERRAFORM,
        configuration=None,  # type: ignore[arg-type]
        standin=StandIn(tmp_path),
        choice=Choice.AUTO,
        mirror=folder,
        endpoint="http://127.0.0.1:1",
        cache=tmp_path,
        report=lambda line: None,
    )

    assert chosen.record("6.9.0")["title"] == "hashicorp/aws 6.9.0"
    assert f'path    = "{folder}"' in chosen.installation
    assert "6.9.0" in chosen.why


def test_without_endpoints_a_provider_is_not_run() -> None:
    """A provider that could not be pointed at the emulator would reach AWS."""
    block = {"attributes": {"region": {}}, "block_types": {}}
    document = {"provider_schemas": {"registry/hashicorp/aws": {"provider": {"block": block}}}}
    with pytest.raises(EnvironmentUnavailable, match="endpoints block"):
        block_of(document)

    block["block_types"] = {"endpoints": {"block": {"attributes": {"s3": {}, "ec2": {}}}}}
    assert block_of(document) == {"attributes": ["region"], "endpoints": ["ec2", "s3"]}


def test_the_environment_leads_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Own home, own CLI configuration, dummy keys, and nothing of a person's other runs."""
    for name in ("TF_CLI_ARGS", "TF_CLI_ARGS_plan", "TF_REATTACH_PROVIDERS", "TF_WORKSPACE"):
        monkeypatch.setenv(name, "something")
    workspace = Workspace(tmp_path)
    workspace.prepare()
    path = settings.write_cli_configuration(workspace, "provider_installation {}\n")
    made = settings.environment(workspace, path, "http://10.0.0.30:4566", {"X": "1"})

    for name in ("TF_CLI_ARGS", "TF_CLI_ARGS_plan", "TF_REATTACH_PROVIDERS", "TF_WORKSPACE"):
        assert made[name] == ""
    assert "10.0.0.30" in made["NO_PROXY"].split(",")
    assert made["HOME"].startswith(str(tmp_path))
    assert (made["AWS_ACCESS_KEY_ID"], made["X"]) == ("test", "1")
    assert path.read_text().startswith("disable_checkpoint = true\nprovider_installation")


def test_workspaces_are_apart_by_source_and_endpoint(tmp_path: Path) -> None:
    """The state of one emulator is never taken for that of another."""
    folders = Folders(tmp_path)
    named = [
        Workspace.of(folders, Path("/a/production"), "http://127.0.0.1:1"),
        Workspace.of(folders, Path("/b/production"), "http://127.0.0.1:1"),
        Workspace.of(folders, Path("/a/production"), "http://127.0.0.1:2"),
    ]

    assert len({workspace.folder for workspace in named}) == 3
    assert all(w.folder.name.startswith("production-") for w in named)


def test_diagnostics_name_the_source_and_not_the_copy() -> None:
    """File, line, address and text, in one sentence."""
    found = diagnostic(
        {
            "severity": "error",
            "summary": "Invalid CIDR block",
            "detail": "expected\na network address",
            "address": "aws_vpc.main",
            "range": {"filename": "../modules/vpc.tf", "start": {"line": 3}},
        }
    )

    assert found.sentence({"/copy/production": "/source/production"}) == (
        "/source/production/../modules/vpc.tf:3: aws_vpc.main: Invalid CIDR block: "
        "expected a network address"
    )


def test_the_table_says_which_provider_planned() -> None:
    """Counts, provider with its version and reason, program, times, digest and warnings."""
    record = {
        "changes": {"add": 3, "change": 0, "replace": 0, "destroy": 0},
        "provider": {"title": "stand-in for hashicorp/aws (schema 6.25.0)", "why": "asked for"},
        "program": "Terraform 1.11.4",
        "endpoint": None,
        "seconds": {"init": 0.1, "plan": 2.0},
        "digest": "abc",
        "warnings": ["deprecated"],
    }
    rows = [changes.Row("aws_vpc", add=3)]
    text = provision_tables.changes(rows, record, done=False)

    assert "Done: 3 added" in provision_tables.changes(rows, record, done=True)

    for part in (
        "aws_vpc",
        "3 to add",
        "stand-in for hashicorp/aws (schema 6.25.0)",
        "no endpoint",
    ):
        assert part in text
    assert "sha256:abc" in text
    assert "deprecated" in text


GENTLE = """
import signal, sys, time
def stop(*_):
    print("ending", flush=True)
    time.sleep(0.3)
    print("ended", flush=True)
    sys.exit(0)
signal.signal(signal.SIGINT, stop)
print("started", flush=True)
while True:
    time.sleep(0.05)
"""


@pytest.mark.parametrize(("grace_seconds", "ended"), [(20.0, True), (0.0, False)])
def test_an_interrupted_command_gets_its_grace(grace_seconds: float, ended: bool) -> None:
    """With grace a command ends by itself after SIGINT, without it is killed at once."""
    lines: list[str] = []
    codes: list[int] = []

    def work() -> None:
        done = command.run(
            [sys.executable, "-c", GENTLE],
            limit_seconds=30,
            check=False,
            on_line=lines.append,
            grace_seconds=grace_seconds,
        )
        codes.append(done.returncode)

    thread = threading.Thread(target=work)
    thread.start()
    wait_until(lambda: lines, what="the command to start", limit_seconds=20, interval_seconds=0.02)
    began = clock.monotonic()
    try:
        command.interrupt_all()
        thread.join(timeout=20)
    finally:
        command.allow_again()

    assert ("ended" in lines) is ended
    assert (codes[0] == 0) is ended
    assert clock.monotonic() - began < 15


@pytest.mark.parametrize("name", ["plan", "apply", "destroy"])
def test_the_commands_are_there(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is registered, and its help names the endpoint and an example."""
    with pytest.raises(SystemExit) as caught:
        cli.main([name, "--help"])
    shown = capsys.readouterr().out

    assert caught.value.code == 0
    assert name in commands.COMMANDS
    assert "--endpoint URL" in shown
    assert "python -m harness apply --terraform DIR" in shown


def test_a_foreign_endpoint_ends_with_64(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is started for an endpoint that is not on this machine."""
    monkeypatch.setattr(cli, "_handle_signals", lambda stop: None)
    monkeypatch.setattr("harness.safety.refuse_real_aws", lambda *given: None)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    (tmp_path / "main.tf").write_text('resource "aws_vpc" "x" {}\n')
    endpoint = "https://ec2.ap-south-1.amazonaws.com:443"
    code = cli.main(["plan", "--json", "--terraform", str(tmp_path), "--endpoint", endpoint])
    answer = json.loads(capsys.readouterr().out)

    assert code == ExitCode.USAGE
    assert answer["error"] == "RefusedForSafety"
    assert not (tmp_path / "state").exists()
