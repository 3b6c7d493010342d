"""The stand-in on disk: schemas taken once from an npm package, and the mirror Terraform reads.

Everything stands in the harness's cache under names that are digests of what it was made from, and
appears there whole or not at all, so that an interrupted run leaves nothing that counts.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from harness import command
from harness.errors import CommandFailed, EnvironmentUnavailable, LimitExceeded
from harness.provision import schema_source, standin_binary
from harness.provision.program import Program

PACKAGE = "@cdktf/provider-aws"
PACKAGE_VERSION = "21.22.1"
# Raised with every change of what is extracted, so that an older cache is not taken for it.
_FORMAT = 1
_FETCH_LIMIT_SECONDS = 300.0
_UNPACK_LIMIT_SECONDS = 120.0

Report = Callable[[str], None]
Schemas = Mapping[str, Any]
"""``provider`` (one block), ``resources`` and ``data`` (blocks by type), ``left_out`` (reasons)."""


class StandIn:
    """The stand-in provider's files below one cache folder."""

    def __init__(self, cache: Path) -> None:
        key = hashlib.sha256(f"{PACKAGE}@{PACKAGE_VERSION} {_FORMAT}".encode()).hexdigest()[:16]
        self._folder = cache / "terraform" / "standin" / key

    def schemas(self, report: Report) -> Schemas:
        """Return every type's schema, extracted from the npm package where that was not done yet.

        Raises EnvironmentUnavailable where npm or its registry cannot be reached.
        """
        path = self._folder / "schemas.json"
        if not path.exists():
            self._extract(path, report)
        loaded: Schemas = json.loads(path.read_text())
        return loaded

    def subset(self, resources: Iterable[str], data: Iterable[str], report: Report) -> Path:
        """Return a file with the schemas of the types named, made once for each set of types.

        A type that has no schema is left out: Terraform then says so, with a suggestion.
        """
        named = {"resources": sorted(set(resources)), "data": sorted(set(data))}
        digest = hashlib.sha256(json.dumps(named).encode()).hexdigest()[:16]
        path = self._folder / "subsets" / f"{digest}.json"
        if not path.exists():
            every = self.schemas(report)
            chosen = {
                kind: {name: every[kind][name] for name in names if name in every[kind]}
                for kind, names in named.items()
            }
            store(path, json.dumps({"provider": every["provider"], **chosen}).encode())
        return path

    def mirror(self, program: Program) -> Path:
        """Return the filesystem mirror that holds the stand-in as the provider's binary."""
        root = self._folder / "mirror"
        folder = root / program.provider_host / "hashicorp" / "aws"
        path = folder / standin_binary.SCHEMA_VERSION / target() / standin_binary.FILE
        if not path.exists() or path.read_text() != standin_binary.SCRIPT:
            store(path, standin_binary.SCRIPT.encode(), mode=0o755)
        return root

    def environment(self, schema: Path, endpoint: str) -> dict[str, str]:
        """Return what the provider process reads from its environment."""
        here = str(Path(__file__).resolve().parents[2])
        return {
            standin_binary.PYTHON_VARIABLE: sys.executable,
            "PYTHONPATH": os.pathsep.join([here]),
            "HARNESS_STANDIN_SCHEMA": str(schema),
            "HARNESS_STANDIN_ENDPOINT": endpoint,
            "HARNESS_STANDIN_VERSION": standin_binary.SCHEMA_VERSION,
        }

    def _extract(self, path: Path, report: Report) -> None:
        report(
            f"provider schemas: fetching {PACKAGE} {PACKAGE_VERSION} (37 MB) and reading it "
            "(expected 10 to 40 seconds, once)"
        )
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix="partial-") as name:
            scratch = Path(name)
            archive = _fetch(scratch)
            command.run(
                ["tar", "-xzf", archive, "-C", scratch, "--wildcards", "package/lib/*.js"],
                limit_seconds=_UNPACK_LIMIT_SECONDS,
            )
            report("provider schemas: reading them from the package's sources")
            found = schema_source.extract(scratch / "package" / "lib")
        document = {
            "provider": found.provider,
            "resources": found.resources,
            "data": found.data_sources,
            "left_out": found.left_out,
        }
        if not found.provider or not found.resources:
            raise EnvironmentUnavailable(
                f"{PACKAGE} {PACKAGE_VERSION}: expected the schemas of a provider and its "
                f"resources, got {len(found.resources)} resources. Next step: report this; the "
                "package is not what this version of the harness was written for."
            )
        store(path, json.dumps(document, separators=(",", ":")).encode())
        report(
            f"provider schemas: {len(found.resources)} resources and {len(found.data_sources)} "
            f"data sources of hashicorp/aws {standin_binary.SCHEMA_VERSION}, "
            f"{len(found.left_out)} types left out"
        )


def _fetch(scratch: Path) -> Path:
    if shutil.which("npm") is None:
        raise EnvironmentUnavailable(
            "npm was not found on PATH; the stand-in provider's schemas come from an npm package. "
            "Next step: install Node.js with npm, or name the real provider with --mirror DIR."
        )
    specification = f"{PACKAGE}@{PACKAGE_VERSION}"
    try:
        command.run(
            ["npm", "pack", "--silent", "--pack-destination", scratch, specification],
            limit_seconds=_FETCH_LIMIT_SECONDS,
        )
    except (CommandFailed, LimitExceeded) as error:
        raise EnvironmentUnavailable(
            f"The npm package {specification} could not be fetched: {error}. Next step: see that "
            f"'npm view {specification}' answers, or name the real provider with --mirror DIR."
        ) from error
    return next(scratch.glob("*.tgz"))


def store(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=".partial-")
    with os.fdopen(handle, "wb") as sink:
        sink.write(data)
    os.chmod(partial, mode)
    os.replace(partial, path)


def target() -> str:
    """Return this machine as provider packages name it, such as ``linux_amd64``."""
    machine = platform.machine().lower()
    architecture = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    return f"{platform.system().lower()}_{architecture}"
