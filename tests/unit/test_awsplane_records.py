"""What is only remembered, and that every refusal has a code that AWS documents."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from harness.awsplane.cache_parameters import ParameterGroups
from harness.awsplane.refusal import Refusal

KEY = ("000000000000", "ap-south-1")
OTHER = ("000000000000", "eu-west-1")
REQUEST = {
    "CacheParameterGroupName": "prod-redis7",
    "CacheParameterGroupFamily": "redis7",
    "Description": "d",
}


def _set(name: str, value: str) -> dict[str, str]:
    return {"ParameterName": name, "ParameterValue": value}


def _values(groups: ParameterGroups) -> dict[str, str]:
    found = groups.values(KEY, "prod-redis7")
    assert isinstance(found, list)
    return {entry["ParameterName"]: entry["ParameterValue"] for entry in found}


def test_a_parameter_group_is_made_changed_reset_and_deleted() -> None:
    groups = ParameterGroups()
    made = groups.create(KEY, REQUEST)

    assert groups.describe(KEY, None) == groups.describe(KEY, "prod-redis7") == [made]
    assert groups.describe(OTHER, None) == []
    groups.modify(KEY, "prod-redis7", [_set("maxmemory-policy", "allkeys-lru"), _set("b", "1")])
    groups.modify(KEY, "prod-redis7", [_set("b", "2")])
    assert _values(groups) == {"b": "2", "maxmemory-policy": "allkeys-lru"}
    groups.reset(KEY, "prod-redis7", ["b", "never set"])
    assert _values(groups) == {"maxmemory-policy": "allkeys-lru"}
    groups.reset(KEY, "prod-redis7", None)
    assert _values(groups) == {}
    assert groups.delete(KEY, "prod-redis7") == {}
    assert groups.describe(KEY, None) == []


def test_a_default_group_is_there_but_cannot_be_made_or_changed() -> None:
    groups = ParameterGroups()
    found = groups.describe(KEY, "default.redis7")

    assert isinstance(found, list)
    assert found[0]["CacheParameterGroupFamily"] == "redis7"
    made = groups.create(KEY, {**REQUEST, "CacheParameterGroupName": "default.redis7"})
    assert isinstance(made, Refusal)
    assert isinstance(groups.modify(KEY, "default.redis7", []), Refusal)


@pytest.mark.parametrize(
    "call",
    [
        lambda g: g.describe(KEY, "none"),
        lambda g: g.values(KEY, "none"),
        lambda g: g.modify(KEY, "none", []),
        lambda g: g.reset(KEY, "none", None),
        lambda g: g.delete(KEY, "none"),
        lambda g: g.delete(OTHER, "prod-redis7"),
    ],
)
def test_an_unknown_group_is_refused(call: Any) -> None:
    groups = ParameterGroups()
    groups.create(KEY, REQUEST)

    refusal = call(groups)

    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.status) == ("CacheParameterGroupNotFound", 404)


# The codes that handlers of ours raise, by service and operation.
_RAISED = {
    ("rds", "RebootDBInstance"): {"InvalidDBInstanceState"},
    ("rds", "FailoverDBCluster"): {"InvalidDBClusterStateFault", "InvalidDBInstanceState"},
    ("rds", "PromoteReadReplica"): {"InvalidDBInstanceState"},
    ("elasticache", "TestFailover"): {
        "APICallRateForCustomerExceeded",
        "InvalidReplicationGroupState",
        "NodeGroupNotFoundFault",
        "TestFailoverNotAvailableFault",
    },
    ("elasticache", "CreateCacheParameterGroup"): {"CacheParameterGroupAlreadyExists"},
    ("elasticache", "DescribeCacheParameterGroups"): {"CacheParameterGroupNotFound"},
    ("elasticache", "ModifyCacheParameterGroup"): {"CacheParameterGroupNotFound"},
    ("elasticache", "DeleteCacheParameterGroup"): {"CacheParameterGroupNotFound"},
    ("elasticache", "DeleteCacheSubnetGroup"): {"CacheSubnetGroupNotFoundFault"},
    ("eks", "CreateAccessEntry"): {"ResourceInUseException"},
    ("eks", "DescribeAccessEntry"): {"ResourceNotFoundException"},
    ("eks", "DisassociateAccessPolicy"): {"ResourceNotFoundException"},
    ("cloudfront", "CreateCachePolicy"): {"CachePolicyAlreadyExists"},
    ("cloudfront", "GetResponseHeadersPolicy"): {"NoSuchResponseHeadersPolicy"},
    ("cloudfront", "DeleteOriginRequestPolicy"): {
        "NoSuchOriginRequestPolicy",
        "PreconditionFailed",
    },
    ("eks", "CreateAddon"): {"ResourceInUseException"},
    ("eks", "DescribeAddon"): {"ResourceNotFoundException"},
    ("eks", "UpdateAddon"): {"ResourceNotFoundException"},
    ("eks", "DeleteAddon"): {"ResourceNotFoundException"},
}


@pytest.mark.parametrize(("operation", "codes"), _RAISED.items(), ids=str)
def test_a_refusal_is_one_that_the_operation_documents(
    operation: tuple[str, str], codes: set[str]
) -> None:
    model = botocore.session.get_session().get_service_model(operation[0])
    documented = {shape.error_code for shape in model.operation_model(operation[1]).error_shapes}

    assert codes <= documented
