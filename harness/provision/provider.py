"""Which AWS provider plans and applies: the real one where it can be had, else the stand-in."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.request import getproxies

import urllib3

from harness.errors import EnvironmentUnavailable, InputInvalid
from harness.provision import standin_binary
from harness.provision.configuration import Configuration
from harness.provision.program import Program
from harness.provision.standin_package import StandIn, target

SOURCE = "hashicorp/aws"
_REGISTRY_SECONDS = 3.0

Report = Callable[[str], None]


class Kind(StrEnum):
    """The two providers."""

    REAL = "real"
    STANDIN = "stand-in"


class Choice(StrEnum):
    """What a person can ask for."""

    AUTO = "auto"
    REAL = "real"
    STANDIN = "standin"


@dataclass(frozen=True)
class Provider:
    """The provider of a run and how Terraform gets it.

    ``installation``: lines of the CLI configuration. ``why``: how it came to this choice.
    ``endpoint_services`` and ``attributes``: what its configuration block knows; empty where that
    is read only after init.
    """

    kind: Kind
    why: str
    version: str | None
    installation: str
    environment: Mapping[str, str] = field(default_factory=dict)
    attributes: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()

    def record(self, version: str | None) -> dict[str, Any]:
        """Return what results say of the provider."""
        if self.kind is Kind.STANDIN:
            title = f"stand-in for {SOURCE} (schema {version})"
        else:
            title = f"{SOURCE} {version}"
        return {"kind": str(self.kind), "version": version, "title": title, "why": self.why}


def choose(
    program: Program,
    configuration: Configuration,
    standin: StandIn,
    *,
    choice: Choice,
    mirror: Path | None,
    endpoint: str,
    cache: Path,
    report: Report,
) -> Provider:
    """Return the provider of a run.

    A mirror that a person names (``mirror``, else TF_PLUGIN_CACHE_DIR) comes first, then the
    registry where it answers within a few seconds, then the stand-in. Raises InputInvalid for a
    mirror without the provider and EnvironmentUnavailable where only the real one would do.
    """
    if choice is not Choice.STANDIN:
        found = _real(program, mirror, cache)
        if found is not None:
            return found
        if choice is Choice.REAL:
            raise EnvironmentUnavailable(
                f"{SOURCE} cannot be had: no mirror was named and {program.provider_host} did not "
                f"answer within {_REGISTRY_SECONDS:g} s. Next step: name a filesystem mirror with "
                "--mirror DIR, or use --provider standin."
            )
    asked = choice is Choice.STANDIN
    why = "asked for" if asked else f"{program.provider_host} did not answer and no mirror is named"
    schema = standin.subset(configuration.resource_types, configuration.data_types, report)
    block = standin_block(standin, report)
    return Provider(
        kind=Kind.STANDIN,
        why=why,
        version=standin_binary.SCHEMA_VERSION,
        installation=_installation(standin.mirror(program), program),
        environment=standin.environment(schema, endpoint),
        attributes=frozenset(block["attributes"]),
        services=frozenset(block["block_types"]["endpoints"]["block"]["attributes"]),
    )


def standin_block(standin: StandIn, report: Report) -> Mapping[str, Any]:
    """Return the stand-in's provider block."""
    # A subset has it too and is far smaller than the whole.
    block: Mapping[str, Any] = json.loads(standin.subset((), (), report).read_text())["provider"]
    return block


def mirrored_versions(mirror: Path, program: Program) -> list[str]:
    """Return the versions of the provider that a mirror holds for this machine.

    Both layouts count: unpacked (which plugin caches have too) and packed.
    """
    folder = mirror / program.provider_host / SOURCE
    unpacked = {path.parent.name for path in folder.glob(f"*/{target()}") if path.is_dir()}
    suffix = f"_{target()}.zip"
    packed = {
        path.name.removeprefix("terraform-provider-aws_").removesuffix(suffix)
        for path in folder.glob(f"terraform-provider-aws_*{suffix}")
    }
    return sorted(unpacked | packed)


def _real(program: Program, mirror: Path | None, cache: Path) -> Provider | None:
    named = mirror or _path(os.environ.get("TF_PLUGIN_CACHE_DIR"))
    if named is not None:
        versions = mirrored_versions(named, program)
        if versions:
            return Provider(
                kind=Kind.REAL,
                why=f"mirror {named} holds {', '.join(versions)}",
                version=None,
                installation=_installation(named, program),
            )
        if mirror is not None:
            expected = f"{program.provider_host}/{SOURCE}/VERSION/{target()}"
            raise InputInvalid(
                f"--mirror {mirror}: expected a filesystem mirror with {expected}, got none. "
                "Next step: make one with 'terraform providers mirror DIR'."
            )
    if not _registry_answers(program.provider_host):
        return None
    plugins = cache / "terraform" / "plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    return Provider(
        kind=Kind.REAL,
        why=f"{program.provider_host} answers",
        version=None,
        installation=(
            f'plugin_cache_dir = "{plugins}"\nplugin_cache_may_break_dependency_lock_file = true\n'
        ),
    )


def _installation(mirror: Path, program: Program) -> str:
    address = f"{program.provider_host}/{SOURCE}"
    return (
        "provider_installation {\n"
        f'  filesystem_mirror {{\n    path    = "{mirror}"\n    include = ["{address}"]\n  }}\n'
        f'  direct {{\n    exclude = ["{address}"]\n  }}\n}}\n'
    )


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser() if text else None


def _registry_answers(host: str) -> bool:
    timeout = urllib3.Timeout(total=_REGISTRY_SECONDS)
    proxy = getproxies().get("https")
    try:
        with (
            urllib3.ProxyManager(proxy, retries=False)
            if proxy
            else urllib3.PoolManager(retries=False)
        ) as pool:
            answer = pool.request(
                "GET", f"https://{host}/.well-known/terraform.json", timeout=timeout
            )
    except urllib3.exceptions.HTTPError:
        return False
    return answer.status == 200
