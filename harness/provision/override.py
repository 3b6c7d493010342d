"""The override file in the scratch copy: every provider and the backend point at the emulator.

Pure. Terraform merges it over what the configuration says, block by block.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

FILE = "smart_dairy_harness_override.tf.json"

_DUMMY_KEY = "test"
# Whatever could pick real credentials, a real account or a way around the endpoints.
_CLEARED = (
    "allowed_account_ids",
    "custom_ca_bundle",
    "ec2_metadata_service_endpoint",
    "forbidden_account_ids",
    "http_proxy",
    "https_proxy",
    "profile",
    "s3_us_east_1_regional_endpoint",
    "sts_region",
    "token",
    "use_dualstack_endpoint",
    "use_fips_endpoint",
)


def document(
    *,
    aliases: Iterable[str],
    attributes: Iterable[str],
    services: Iterable[str],
    endpoint: str,
    state: Path | None,
) -> dict[str, Any]:
    """Return the override of one folder.

    ``aliases``: of the provider blocks there, the empty text for the default one.
    ``attributes``: those the provider's schema knows, so that none is set that it has not.
    ``services``: the names its ``endpoints`` block knows. ``state``: where the root module's
    state stands; None for any other module, which has no backend.
    """
    settings = _settings(frozenset(attributes), sorted(services), endpoint)
    providers = [{**({"alias": alias} if alias else {}), **settings} for alias in aliases]
    written: dict[str, Any] = {}
    if providers:
        written["provider"] = {"aws": providers}
    if state is not None:
        written["terraform"] = {"backend": {"local": {"path": str(state)}}}
    return written


def _settings(known: frozenset[str], services: list[str], endpoint: str) -> Mapping[str, Any]:
    wanted: dict[str, Any] = {
        "access_key": _DUMMY_KEY,
        "secret_key": _DUMMY_KEY,
        "s3_use_path_style": True,
        "shared_config_files": [],
        "shared_credentials_files": [],
        "skip_credentials_validation": True,
        "skip_metadata_api_check": "true",
        "skip_region_validation": True,
        **dict.fromkeys(_CLEARED),
    }
    settings = {name: value for name, value in wanted.items() if name in known}
    if services:
        settings["endpoints"] = [dict.fromkeys(services, endpoint)]
    return settings
