"""What a run's evidence must name: code, arguments, host, images, differences."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness import clock, command
from harness.stack import aws, cache, database, deployment, images, resolver
from harness.stack.context import Context
from harness.stack.folders import REPOSITORY
from harness.stack.layout import Layout


def describe_run(context: Context, run: str, seed: int) -> dict[str, Any]:
    """Return the content of ``run.json`` (design: files that others may rely on)."""
    commit, dirty = commit_of(REPOSITORY)
    store = images.ImageStore(context.engine, context.folders, context.report)
    return {
        "run": run,
        "started": clock.wall().isoformat(timespec="seconds"),
        "commit": commit,
        "dirty": dirty,
        "argv": sys.argv,
        "seed": seed,
        "stack": context.run,
        "image_digests": store.digests(),
        "manifest_digests": manifest_digests(context.layout, context.images),
        "host": describe_host(context),
        "differences": differences(context),
    }


def manifest_digests(addresses: Layout, built: Mapping[str, str]) -> dict[str, str]:
    """Return the digest of each overlay's render: the emulation's as deployed here.

    Production's is that of the plain render, which is applied there: this host's addresses and
    images are no part of it, else an attestation of it would hold on this host alone.
    """
    return {
        deployment.EMULATION: deployment.digest_of_render(deployment.EMULATION, addresses, built),
        deployment.PRODUCTION: deployment.digest_of_render(deployment.PRODUCTION),
    }


def differences(context: Context | None) -> list[dict[str, Any]]:
    """Return every known difference from production with the claims that it weakens.

    Those of the manifests are computed from the two renders. Without a stack they are those of
    a host that has the document's range of addresses free.
    """
    addresses = None if context is None else context.layout
    found: list[dict[str, Any]] = [asdict(each) for each in deployment.differences(addresses)]
    for part in (resolver, database, cache):
        found += part.differences(context)
    return [*found, *aws.differences()]


def describe_host(context: Context) -> dict[str, Any]:
    """Return what this machine is: cores, memory, kernel, engine."""
    version = context.engine.version()
    return {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "disk_free_bytes": shutil.disk_usage(context.folders.cache).free,
        "engine": version.get("Version"),
        "python": platform.python_version(),
    }


def commit_of(repository: Path) -> tuple[str, bool]:
    """Return the git commit and whether the work tree differs from it."""
    if shutil.which("git") is None:
        return "unknown (git is not installed)", True
    head = command.run(
        ["git", "-C", repository, "rev-parse", "HEAD"], limit_seconds=10, check=False
    )
    if head.returncode != 0:
        return "unknown (not a git checkout)", True
    changes = command.run(
        ["git", "-C", repository, "status", "--porcelain"], limit_seconds=30, check=False
    )
    return head.stdout.strip(), bool(changes.stdout.strip())
