"""Every mapped type, by name: one module a service."""

from __future__ import annotations

from collections.abc import Mapping

from harness.provision.standin.mapping import ResourceType
from harness.provision.standin.mappings import vpc

TYPES: Mapping[str, ResourceType] = {**vpc.TYPES}
