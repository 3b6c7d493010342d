"""What a run's evidence must name: code, arguments, host, images, differences."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Any

from harness import clock, command
from harness.stack import aws, cache, database, deployment, images
from harness.stack.context import Context
from harness.stack.folders import REPOSITORY
from harness.stack.layout import DOCUMENT_PREFIX


def describe_run(context: Context, run: str, seed: int) -> dict[str, Any]:
    """Return the content of ``run.json`` (design: files that others may rely on)."""
    commit, dirty = commit_of(REPOSITORY)
    rendered = deployment.render("emulation", context)
    production = deployment.render("production", context)
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
        "manifest_digests": {
            "emulation": hashlib.sha256(rendered.encode()).hexdigest(),
            "production": hashlib.sha256(production.encode()).hexdigest(),
        },
        "host": describe_host(context),
        "differences": differences(context),
    }


def differences(context: Context) -> list[dict[str, Any]]:
    """Return every known difference from production with the claims that it weakens."""
    found: list[dict[str, Any]] = []
    if context.layout.prefix != DOCUMENT_PREFIX:
        found.append(
            {
                "what": "VPC range",
                "production": f"{DOCUMENT_PREFIX}.0.0/16",
                "emulation": context.layout.cidr,
                "why": "the document's range is in use on this host",
                "weakens": [],
            }
        )
    found += deployment.differences()
    for part in (database, cache, aws):
        found += part.differences(context)
    return found


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
