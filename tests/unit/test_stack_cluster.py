"""The cluster's configuration and the docker program that gives nodes their addresses."""

from __future__ import annotations

import stat
from pathlib import Path

import yaml

from harness import command
from harness.stack import cluster, layout
from harness.stack.layout import Layout


def test_nodes_stand_in_three_zones_with_the_documents_groups() -> None:
    """Three application nodes in zones a, b, c and one tainted node of the database group."""
    document = yaml.safe_load(cluster.configuration(Layout()))
    workers = [node for node in document["nodes"] if node["role"] == "worker"]
    application = [n for n in workers if n["labels"]["role"] == "application"]

    assert [n["labels"]["topology.kubernetes.io/zone"] for n in application] == [*layout.ZONES]
    (database,) = [n for n in workers if n["labels"]["role"] == "database"]
    patch = yaml.safe_load(database["kubeadmConfigPatches"][0])
    assert patch["nodeRegistration"]["taints"] == [
        {"key": "dedicated", "value": "database", "effect": "NoSchedule"}
    ]


def test_the_wrapper_adds_address_and_labels_to_docker_run_only(tmp_path: Path) -> None:
    """``docker run --name NODE`` gets --ip; anything else passes through unchanged."""
    real = tmp_path / "real-docker"
    real.write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done\n')
    wrapper = tmp_path / "docker"
    wrapper.write_text(cluster.docker_wrapper(Layout(), "run-1", str(real)))
    for program in (real, wrapper):
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def words(*arguments: str) -> list[str]:
        return command.run([wrapper, *arguments], limit_seconds=10).stdout.splitlines()

    assert words("ps", "-a") == ["ps", "-a"]
    started = words("run", "--name", layout.WORKERS[1], "--label", "a b", "image")
    assert started[:3] == ["run", "--ip", "10.0.2.11"]
    assert f"{layout.RUN_LABEL}=run-1" in started
    assert started[-3:] == ["--label", "a b", "image"]
    assert "--ip" not in words("run", "--name", "somebody-else", "image")
