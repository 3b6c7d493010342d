"""Records of the VPC's resolver."""

from __future__ import annotations

import json

import pytest
import yaml

from harness.stack import cache, database_settings, layout, resolver
from harness.stack.folders import EXPERIMENTS


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("aws.smart-dairy.internal", "/skydns/internal/smart-dairy/aws"),
        ("aws.smart-dairy.internal.", "/skydns/internal/smart-dairy/aws"),
        (
            layout.DATABASE_PRIMARY_NAME,
            "/skydns/internal/smart-dairy/rds/smart-dairy-prod-db-primary",
        ),
        (layout.CACHE_PRIMARY_NAME, "/skydns/internal/smart-dairy/cache/smart-dairy-prod-redis"),
    ],
)
def test_a_name_is_stored_from_the_root_down(name: str, key: str) -> None:
    """The resolver looks a name up by its labels in reverse order, with or without final dot."""
    assert resolver.record_key(name) == key


def test_no_name_lies_below_another() -> None:
    """A lookup answers with all records below its key, so no endpoint may be another's prefix."""
    names = (
        layout.AWS_NAME,
        layout.DATABASE_PRIMARY_NAME,
        layout.DATABASE_REPLICA_NAME,
        layout.CACHE_PRIMARY_NAME,
    )
    keys = [resolver.record_key(name) for name in names]

    assert not [(a, b) for a in keys for b in keys if b.startswith(f"{a}/")]


def test_a_record_carries_the_endpoints_ttl() -> None:
    """Each record says its own TTL; the resolver's default of 300 s would hide every failover."""
    record = json.loads(resolver.record_value("10.0.201.11"))

    assert record == {"host": "10.0.201.11", "ttl": 5}


def test_the_claims_that_differences_weaken_exist() -> None:
    """Each difference of resolver, database and cache names claims of the claims file."""
    document = yaml.safe_load((EXPERIMENTS / "claims.yaml").read_text())
    known = {claim["id"] for claim in document["claims"]}
    rows = [*resolver.differences(), *database_settings.differences(), *cache.differences()]
    weakened = {claim for row in rows for claim in row["weakens"]}

    assert weakened <= known
    assert weakened
