"""The stack as a person meets it on the command line: idempotent, guarded, told in JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness import clock
from harness.errors import ExitCode
from harness.stack import layout
from harness.stack.context import Context
from harness.stack.folders import REPOSITORY
from harness.stack.lock import held

pytestmark = pytest.mark.integration

# An `up` of a stack that is up only looks; a minute covers a loaded host.
COMMAND_LIMIT_SECONDS = 180


def _run(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_LIMIT_SECONDS,
        check=False,
    )


def _started(stack: Context) -> dict[str, str]:
    return {
        name: stack.engine.containers.get(name).attrs["State"]["StartedAt"]
        for name in layout.all_containers()
    }


def test_a_second_up_changes_nothing(stack: Context) -> None:
    """``up`` on a stack that is up restarts no container."""
    before = _started(stack)
    started = clock.monotonic()
    done = _run("up", "--json")

    assert done.returncode == ExitCode.SUPPORTED, done.stderr
    assert {part["name"] for part in json.loads(done.stdout)["parts"]} == {*layout.all_containers()}
    assert before == _started(stack)
    assert clock.monotonic() - started < COMMAND_LIMIT_SECONDS


def test_status_names_every_part_and_no_secret(stack: Context) -> None:
    """``status`` tells endpoints and where credentials stand, never a credential."""
    done = _run("status", "--json")

    assert done.returncode == ExitCode.SUPPORTED, done.stderr
    data = json.loads(done.stdout)
    assert len(data["parts"]) == len(layout.all_containers())
    for secret in (
        stack.credentials.database_superuser,
        stack.credentials.database_application,
        stack.credentials.cache_auth_token,
    ):
        assert secret not in done.stdout
    assert all(Path(path).exists() for path in data["files"].values())


def test_containers_carry_the_stacks_labels(stack: Context) -> None:
    """Every container of the stack can be found by label."""
    labelled = stack.engine.containers.list(filters={"label": f"{layout.STACK_LABEL}=smart-dairy"})

    assert {container.name for container in labelled} == {*layout.all_containers()}


def test_containers_stand_at_their_addresses(stack: Context) -> None:
    """Each container has the address of its subnet and zone."""
    for name in layout.all_containers():
        networks = stack.engine.containers.get(name).attrs["NetworkSettings"]["Networks"]

        assert networks[layout.NETWORK]["IPAddress"] == stack.layout.address(name)


def test_a_second_run_at_once_is_refused(stack: Context) -> None:
    """While one run holds the lock, another says who does and ends with 69."""
    with held(stack.folders.cache, purpose="a test"):
        done = _run("run", "--only", "cache-primary-kill")

    assert done.returncode == ExitCode.UNAVAILABLE
    assert "a test" in done.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7REALKEY", "AWS_SECRET_ACCESS_KEY": "x" * 40},
        {"AWS_ENDPOINT_URL": "https://rds.ap-south-1.example.com"},
        {"AWS_PROFILE": "production"},
    ],
)
def test_real_accounts_are_refused_before_anything_starts(
    stack: Context, environment: dict[str, str]
) -> None:
    """Real-looking keys, foreign endpoints and profiles end with 64."""
    done = _run("up", environment=environment)

    assert done.returncode == ExitCode.USAGE
    assert next(iter(environment)) in done.stderr
    assert "x" * 40 not in done.stderr


def test_a_foreign_kubeconfig_is_never_used(stack: Context, tmp_path: Path) -> None:
    """KUBECONFIG of the environment is ignored."""
    foreign = tmp_path / "config"
    foreign.write_text("apiVersion: v1\nkind: Config\ncurrent-context: production\n")
    done = _run("status", "--json", environment={"KUBECONFIG": str(foreign)})

    assert done.returncode == ExitCode.SUPPORTED, done.stderr
    nodes = [p for p in json.loads(done.stdout)["parts"] if p["part"] == "cluster"]
    assert {node["state"] for node in nodes} == {"Ready"}
