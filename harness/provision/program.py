"""Terraform or OpenTofu on this host: found, and new enough."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness import command
from harness.errors import EnvironmentUnavailable

VERSION_MIN = (1, 10, 0)
_NAMES = ("terraform", "tofu")
_VERSION_LIMIT_SECONDS = 30
# Names a provider without a host, so that the program shows which one it puts there.
_PROBE = 'terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws" }\n  }\n}\n'
_QUIET = {"TF_CLI_CONFIG_FILE": "/dev/null", "CHECKPOINT_DISABLE": "1"}
_REMEDY = (
    "Next step: install Terraform 1.10 or newer (developer.hashicorp.com/terraform/install) or "
    "OpenTofu 1.10 or newer (opentofu.org/docs/intro/install) and put it on PATH."
)


@dataclass(frozen=True)
class Program:
    """The program that runs: ``name`` is terraform or tofu.

    ``provider_host`` is the host in the address of providers that name none: a part of lock
    files, state and mirrors.
    """

    name: str
    path: Path
    version: str
    provider_host: str

    @property
    def title(self) -> str:
        """Return name and version for people."""
        return f"{'Terraform' if self.name == 'terraform' else 'OpenTofu'} {self.version}"


def find() -> Program:
    """Return the first of terraform and tofu on PATH that is new enough.

    Raises EnvironmentUnavailable with what was found and how to get one.
    """
    too_old: list[str] = []
    for name in _NAMES:
        found = shutil.which(name)
        if found is None:
            continue
        answer = command.run(
            [found, "version", "-json"],
            limit_seconds=_VERSION_LIMIT_SECONDS,
            environment=_QUIET,
            check=False,
        )
        version = parse_version(answer.stdout)
        if version is not None and version >= VERSION_MIN:
            shown = ".".join(map(str, version))
            return Program(name, Path(found), shown, _provider_host(found))
        shown = ".".join(map(str, version)) if version else "no version that could be read"
        too_old.append(f"{found} ({shown})")
    if too_old:
        raise EnvironmentUnavailable(
            f"Expected Terraform or OpenTofu 1.10 or newer (state locking in S3 itself), got "
            f"{', '.join(too_old)}. {_REMEDY}"
        )
    raise EnvironmentUnavailable(
        f"Neither terraform nor tofu was found on PATH; plan, apply and destroy run one. {_REMEDY}"
    )


def _provider_host(found: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "main.tf").write_text(_PROBE)
        answer = command.run(
            [found, "providers"],
            limit_seconds=_VERSION_LIMIT_SECONDS,
            environment=_QUIET,
            cwd=Path(folder),
            check=False,
        )
    match = re.search(r"provider\[([^/\]]+)/hashicorp/aws\]", answer.stdout)
    if match is None:
        raise EnvironmentUnavailable(
            f"{found} providers: expected the address of hashicorp/aws, got "
            f"{(answer.stdout + answer.stderr).strip()[:300] or 'nothing'}. {_REMEDY}"
        )
    return match[1]


def parse_version(answer: str) -> tuple[int, int, int] | None:
    """Return the version in the answer of ``version -json`` or ``version``; None where none is.

    >>> parse_version('{"terraform_version": "1.11.4"}')
    (1, 11, 4)
    """
    text = answer
    try:
        document = json.loads(answer)
        if isinstance(document, dict):
            text = f"v{document.get('terraform_version', '')}"
    except ValueError:
        text = answer.partition("\n")[0]
    match = re.search(r"v(\d+)\.(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None
