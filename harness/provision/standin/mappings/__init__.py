"""Every mapped type, by name: one module a service."""

from __future__ import annotations

from collections.abc import Mapping

from harness.provision.standin.mapping import ResourceType
from harness.provision.standin.mappings import (
    cloudfront,
    compute,
    domains,
    eks,
    elasticache,
    elbv2,
    iam,
    listeners,
    observability,
    rds,
    registry,
    routing,
    s3,
    security,
    vpc,
)

_MODULES = (
    cloudfront,
    compute,
    domains,
    eks,
    elasticache,
    elbv2,
    iam,
    listeners,
    observability,
    rds,
    registry,
    routing,
    s3,
    security,
    vpc,
)
TYPES: Mapping[str, ResourceType] = {
    name: row for module in _MODULES for name, row in module.TYPES.items()
}
