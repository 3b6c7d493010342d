"""EKS and target health over the real cluster, and the add-ons that are kept."""

from __future__ import annotations

from typing import Any

import pytest

from harness.awsplane import eks_state, elbv2_state
from harness.awsplane.addons import Addons
from harness.awsplane.cloudfront_policies import Policies
from harness.awsplane.eks_access import AccessEntries
from harness.awsplane.kubernetes import Endpoint, NodeState, parse_endpoints, parse_nodes
from harness.awsplane.refusal import Refusal
from harness.awsplane.wiring import Cluster

CLUSTER = Cluster(name="prod", server="https://10.0.0.10:6443", ca="PEM", token="secret")


def _endpoint(
    address: str, *, ready: bool, terminating: bool = False, port: int = 8069
) -> Endpoint:
    return Endpoint(address, (port,), ready, terminating)


def test_nodes_and_endpoints_are_read() -> None:
    nodes = parse_nodes(
        {
            "items": [
                {
                    "metadata": {"name": "n1", "labels": {"role": "application"}},
                    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
                },
                {
                    "metadata": {"name": "n2"},
                    "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]},
                },
                {"metadata": {"name": "n3"}},
            ]
        }
    )
    endpoints = parse_endpoints(
        {
            "items": [
                {
                    "ports": [{"port": 8069}, {"port": None}],
                    "endpoints": [
                        {"addresses": ["10.1.0.1"], "conditions": {"ready": True}},
                        {
                            "addresses": ["10.1.0.2"],
                            "conditions": {"ready": False, "terminating": True},
                        },
                        # Without a condition an endpoint is ready (Kubernetes API reference).
                        {"addresses": ["10.1.0.3"]},
                    ],
                },
                {"ports": None, "endpoints": None},
            ]
        }
    )

    assert [(n.name, n.ready) for n in nodes] == [("n1", True), ("n2", False), ("n3", False)]
    assert endpoints == (
        Endpoint("10.1.0.1", (8069,), True, False),
        Endpoint("10.1.0.2", (8069,), False, True),
        Endpoint("10.1.0.3", (8069,), True, False),
    )


def test_the_cluster_shows_the_real_endpoint_ca_and_version() -> None:
    shown = eks_state.overlay_cluster({"name": "prod", "version": "1.29"}, CLUSTER, "1.34")

    assert shown["endpoint"] == "https://10.0.0.10:6443"
    assert shown["certificateAuthority"] == {"data": "UEVN"}
    assert shown["version"] == "1.34"
    assert shown["health"] == {"issues": []}


def test_a_cluster_that_does_not_answer_has_an_issue() -> None:
    shown = eks_state.overlay_cluster({"name": "prod", "version": "1.29"}, CLUSTER, None)

    assert [issue["code"] for issue in shown["health"]["issues"]] == ["ClusterUnreachable"]
    assert shown["version"] == "1.29"


LABELS = {"role": "application"}


@pytest.mark.parametrize(
    ("labels", "nodes", "status", "resources"),
    [
        (LABELS, [NodeState("n1", LABELS, True)], "ACTIVE", []),
        (
            LABELS,
            [NodeState("n1", LABELS, True), NodeState("n2", LABELS, False)],
            "DEGRADED",
            ["n2"],
        ),
        (LABELS, [NodeState("n1", {"role": "database"}, False)], "ACTIVE", None),
        # A group without labels is a record: no node can be told to be its own.
        ({}, [NodeState("n1", LABELS, False)], "ACTIVE", None),
        (LABELS, None, "DEGRADED", []),
    ],
)
def test_a_node_group_is_as_healthy_as_its_nodes(
    labels: dict[str, str],
    nodes: list[NodeState] | None,
    status: str,
    resources: list[str] | None,
) -> None:
    shown = eks_state.overlay_nodegroup({"status": "ACTIVE", "labels": labels}, nodes)

    assert shown["status"] == status
    if resources is None:
        assert "health" not in shown
    else:
        issues = shown["health"]["issues"]
        assert [name for issue in issues for name in issue["resourceIds"]] == resources


@pytest.mark.parametrize(
    ("endpoints", "state"),
    [
        ([_endpoint("10.1.0.1", ready=True)], "healthy"),
        ([_endpoint("10.1.0.1", ready=False)], "unhealthy"),
        ([_endpoint("10.1.0.1", ready=False, terminating=True)], "draining"),
        ([_endpoint("10.1.0.1", ready=True, port=80)], "unhealthy"),
        ([_endpoint("10.1.0.2", ready=True)], "unused"),
        ([], "unused"),
        # Two slices of a service for the same pod: one that is ready decides.
        ([_endpoint("10.1.0.1", ready=False), _endpoint("10.1.0.1", ready=True)], "healthy"),
    ],
)
def test_the_health_of_a_target_is_that_of_the_pod(endpoints: list[Endpoint], state: str) -> None:
    health = elbv2_state.health("10.1.0.1", 8069, endpoints)

    assert health["State"] == state
    assert ("Reason" in health) is (state != "healthy")


@pytest.mark.parametrize(
    ("endpoints", "by_address", "state"),
    [
        ([_endpoint("10.1.0.1", ready=True)], True, "healthy"),
        (None, True, "unavailable"),
        ([_endpoint("10.1.0.1", ready=True)], False, "unused"),
        (None, False, "unused"),
    ],
)
def test_only_addresses_are_looked_up(
    endpoints: list[Endpoint] | None, by_address: bool, state: str
) -> None:
    described: list[dict[str, Any]] = [
        {"Target": {"Id": "10.1.0.1", "Port": 8069}, "TargetHealth": {"State": "healthy"}}
    ]

    [shown] = elbv2_state.overlay(described, endpoints, by_address=by_address)

    assert shown["TargetHealth"]["State"] == state


KEY = ("000000000000", "ap-south-1", "prod")


def test_an_addon_is_made_read_changed_listed_and_deleted() -> None:
    addons = Addons()

    made = addons.create(
        KEY, {"addonName": "coredns", "configurationValues": "{}"}, arn="arn:x", version="v0"
    )
    assert isinstance(made, dict)
    assert (made["status"], made["addonVersion"]) == ("ACTIVE", "v0")
    assert addons.describe(KEY, "coredns") == made
    assert addons.list(KEY) == ["coredns"]

    addons.update(KEY, {"addonName": "coredns", "addonVersion": "v1"})
    changed = addons.describe(KEY, "coredns")
    assert isinstance(changed, dict)
    assert (changed["addonVersion"], changed["configurationValues"]) == ("v1", "{}")

    deleted = addons.delete(KEY, "coredns")
    assert isinstance(deleted, dict)
    assert deleted["status"] == "DELETING"
    assert addons.list(KEY) == []


def test_addons_are_refused_as_eks_refuses_them_and_die_with_their_cluster() -> None:
    addons = Addons()
    other = ("000000000000", "eu-west-1", "prod")
    request = {"addonName": "coredns"}
    addons.create(KEY, request, arn="arn:x", version="v0")

    again = addons.create(KEY, request, arn="arn:y", version="v0")
    missing = [
        addons.describe(other, "coredns"),
        addons.update(other, request),
        addons.delete(other, "coredns"),
    ]
    addons.forget(KEY)

    assert isinstance(again, Refusal)
    assert (again.code, again.status) == ("ResourceInUseException", 409)
    assert {r.code for r in missing if isinstance(r, Refusal)} == {"ResourceNotFoundException"}
    assert all(isinstance(r, Refusal) for r in missing)
    assert addons.list(KEY) == []


PRINCIPAL = "arn:aws:iam::000000000000:role/admin"
POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


def test_an_access_entry_is_made_changed_given_a_policy_and_deleted() -> None:
    entries = AccessEntries()
    made = entries.create(KEY, {"principalArn": PRINCIPAL}, arn="arn:x")
    assert isinstance(made, dict)
    assert (made["type"], made["username"]) == ("STANDARD", PRINCIPAL)

    entries.update(KEY, {"principalArn": PRINCIPAL, "kubernetesGroups": ["g"]})
    scope = {"type": "namespace", "namespaces": ["prod"]}
    given = {"principalArn": PRINCIPAL, "policyArn": POLICY, "accessScope": scope}
    entries.associate(KEY, given)

    found, policies = entries.describe(KEY, PRINCIPAL), entries.policies(KEY, PRINCIPAL)
    assert isinstance(found, dict)
    assert isinstance(policies, list)
    assert found["kubernetesGroups"] == ["g"]
    assert [(p["policyArn"], p["accessScope"]) for p in policies] == [(POLICY, scope)]
    assert entries.principals(KEY) == [PRINCIPAL]
    assert entries.disassociate(KEY, PRINCIPAL, POLICY) == {}
    assert entries.policies(KEY, PRINCIPAL) == []
    assert entries.delete(KEY, PRINCIPAL) == {}
    assert entries.principals(KEY) == []


def test_access_entries_are_refused_as_eks_refuses_them() -> None:
    entries = AccessEntries()
    request = {"principalArn": PRINCIPAL, "policyArn": POLICY, "accessScope": {}}
    missing = [
        entries.describe(KEY, PRINCIPAL),
        entries.update(KEY, request),
        entries.delete(KEY, PRINCIPAL),
        entries.associate(KEY, request),
        entries.policies(KEY, PRINCIPAL),
        entries.disassociate(KEY, PRINCIPAL, POLICY),
    ]
    entries.create(KEY, request, arn="arn:x")
    again = entries.create(KEY, request, arn="arn:x")
    entries.forget(KEY)

    assert [r.code for r in missing if isinstance(r, Refusal)] == ["ResourceNotFoundException"] * 6
    assert isinstance(again, Refusal)
    assert again.code == "ResourceInUseException"
    assert entries.principals(KEY) == []


def test_labels_and_taints_of_a_node_group_are_changed() -> None:
    labels = eks_state.changed_labels(
        {"a": "1", "b": "2"}, {"removeLabels": ["a"], "addOrUpdateLabels": {"b": "3", "c": "4"}}
    )
    old = [{"key": "k", "value": "v", "effect": "NO_SCHEDULE"}, {"key": "x", "effect": "E"}]
    new = {"key": "k", "value": "w", "effect": "NO_SCHEDULE"}
    taints = eks_state.changed_taints(
        old, {"addOrUpdateTaints": [new], "removeTaints": [{"key": "x", "effect": "E"}]}
    )

    assert labels == {"b": "3", "c": "4"}
    assert taints == [new]
    assert eks_state.changed_taints(old, {}) == old


CONFIG = {"Name": "assets", "MinTTL": 0}


def test_a_policy_is_made_read_replaced_and_deleted_by_its_etag() -> None:
    policies = Policies("CachePolicy")
    made = policies.create("a", CONFIG)
    assert isinstance(made, dict)
    identifier, etag = made["CachePolicy"]["Id"], made["ETag"]

    assert policies.get("a", identifier) == made
    assert policies.config("a", identifier) == {"CachePolicyConfig": CONFIG, "ETag": etag}
    assert [entry["Type"] for entry in policies.listed("a")] == ["custom"]
    replaced = policies.update("a", identifier, {**CONFIG, "MinTTL": 5}, etag)
    assert isinstance(replaced, dict)
    assert replaced["ETag"] != etag
    stale = policies.delete("a", identifier, etag)
    assert isinstance(stale, Refusal)
    assert (stale.code, stale.status) == ("PreconditionFailed", 412)
    assert policies.delete("a", identifier, replaced["ETag"]) == {}
    assert policies.listed("a") == []


def test_policies_are_refused_as_cloudfront_refuses_them() -> None:
    policies = Policies("ResponseHeadersPolicy")
    made = policies.create("a", CONFIG)
    assert isinstance(made, dict)
    identifier = made["ResponseHeadersPolicy"]["Id"]

    refusals = {
        "twice": policies.create("a", CONFIG),
        "other account": policies.get("b", identifier),
        "unknown": policies.update("a", "none", CONFIG, "x"),
    }

    assert {name: r.code for name, r in refusals.items() if isinstance(r, Refusal)} == {
        "twice": "ResponseHeadersPolicyAlreadyExists",
        "other account": "NoSuchResponseHeadersPolicy",
        "unknown": "NoSuchResponseHeadersPolicy",
    }
