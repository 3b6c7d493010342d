"""What a real provider's configuration block knows: its attributes and its endpoints."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.errors import EnvironmentUnavailable
from harness.provision.standin_package import store
from harness.provision.terraform import Terraform

Report = Callable[[str], None]


def names_of(
    terraform: Terraform, version: str | None, cache: Path, report: Report
) -> tuple[frozenset[str], frozenset[str]]:
    """Return attribute names and endpoint names of a provider version, asked once of itself."""
    if version is None:
        raise EnvironmentUnavailable(
            "The version of hashicorp/aws that init chose cannot be read, so its endpoints are not "
            "known. Nothing was planned. Next step: use --provider standin."
        )
    path = cache / "terraform" / "endpoints" / f"aws-{version}.json"
    if not path.exists():
        report("provider schemas: asking the provider which services it knows (once a version)")
        store(path, json.dumps(block_of(terraform.provider_schema())).encode())
    block = json.loads(path.read_text())
    return frozenset(block["attributes"]), frozenset(block["endpoints"])


def block_of(document: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the names in a ``providers schema -json`` document.

    Raises EnvironmentUnavailable where the provider has no endpoints: it would reach AWS.
    """
    for name, schema in (document.get("provider_schemas") or {}).items():
        if name.endswith("hashicorp/aws"):
            block = schema["provider"]["block"]
            endpoints = (block.get("block_types") or {}).get("endpoints") or {}
            services = sorted((endpoints.get("block") or {}).get("attributes") or {})
            if services:
                return {"attributes": sorted(block["attributes"]), "endpoints": services}
    raise EnvironmentUnavailable(
        "The provider's schema: expected hashicorp/aws with an endpoints block, got none. "
        "Nothing was planned, because its calls could not be kept on this machine."
    )
