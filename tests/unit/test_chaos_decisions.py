"""The decisions of faults, probes and undos, as pure functions over what the stack says."""

from __future__ import annotations

import random
from typing import Any

import pytest

from harness.chaos.cache.sentinel import majority
from harness.chaos.database import process
from harness.chaos.database.patroni import parse_cluster
from harness.chaos.kube import Answer
from harness.chaos.node.choice import nodes_to_hit, plan_drain
from harness.chaos.plant import kubernetes as plants
from harness.chaos.plant.objects import merged, plain
from harness.chaos.pod.actions import restarted
from harness.chaos.pod.choice import surplus, victims
from harness.chaos.pod.eviction import Next, next_step, reason
from harness.chaos.pod.reading import BackendPod, cores, parse_pod, rolled_out
from harness.chaos.scaling.reading import cpu_percent
from harness.chaos.watch_cluster import endpoint_changes, endpoints
from harness.chaos.watch_stack import autoscaler_value, memory_available
from harness.errors import FaultFailed, ProbeFailed


def pod(name: str, node: str = "a", **changes: Any) -> BackendPod:
    values: dict[str, Any] = {
        "uid": f"uid-{name}",
        "phase": "Running",
        "ready": True,
        "deleting": False,
        "container_id": f"id-{name}",
        "started_at": "2026-01-01T00:00:00Z",
    }
    return BackendPod(name=name, node=node, **{**values, **changes})


def spread(**counts: int) -> dict[str, list[BackendPod]]:
    return {n: [pod(f"{n}{i}", n) for i in range(count)] for n, count in counts.items()}


# ---- evictions and drains ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "step"),
    [
        (200, Next.DONE),
        (201, Next.DONE),
        (404, Next.DONE),
        (429, Next.RETRY),
        (500, Next.RETRY),
        (503, Next.RETRY),
        (403, Next.FAIL),
        (422, Next.FAIL),
    ],
)
def test_next_step_of_an_eviction(status: int, step: Next) -> None:
    assert step is next_step(status)


def test_the_reason_of_a_refusal_is_the_budget_where_it_says_so() -> None:
    body = {"reason": "TooManyRequests", "details": {"causes": [{"reason": "DisruptionBudget"}]}}

    assert reason(Answer(429, body)) == "DisruptionBudget"
    assert reason(Answer(429, {"reason": "TooManyRequests"})) == "TooManyRequests"


def document(name: str, owner: str | None = "ReplicaSet", **changes: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"namespace": "n", "name": name}
    if owner:
        metadata["ownerReferences"] = [{"kind": owner}]
    metadata |= changes.pop("metadata", {})
    return {"metadata": metadata, "spec": {}, "status": {"phase": "Running"}, **changes}


EMPTY_DIR = {"volumes": [{"emptyDir": {}}]}


@pytest.mark.parametrize(
    ("item", "evict", "skipped", "refused"),
    [
        (document("plain"), 1, 0, 0),
        (document("agent", "DaemonSet"), 0, 1, 0),
        (document("agent-with-disk", "DaemonSet", spec=EMPTY_DIR), 0, 1, 0),
        (
            document(
                "static", "Node", metadata={"annotations": {"kubernetes.io/config.mirror": ""}}
            ),
            0,
            1,
            0,
        ),
        (document("bare", None), 0, 0, 1),
        (document("done", None, status={"phase": "Succeeded"}), 1, 0, 0),
        (document("null-lists", metadata={"annotations": None}, spec={"volumes": None}), 1, 0, 0),
    ],
)
def test_a_drain_sorts_pods_as_kubectl_does(
    item: dict[str, Any], evict: int, skipped: int, refused: int
) -> None:
    plan = plan_drain([item], allow_empty_dir=True)

    assert (evict, skipped, refused) == (len(plan.evict), len(plan.skipped), len(plan.refused))


def test_an_empty_dir_is_refused_unless_it_is_allowed() -> None:
    item = document("disk", spec=EMPTY_DIR)

    assert len(plan_drain([item], allow_empty_dir=False).refused) == 1
    assert plan_drain([item], allow_empty_dir=True).evict == (("n", "disk"),)


# ---- choices -------------------------------------------------------------------------------


def test_nodes_are_chosen_among_those_that_hold_enough_pods() -> None:
    held = {"a": 4, "b": 1, "c": 0}
    seen = {
        tuple(nodes_to_hit(held, count=2, pods_min=4, chance=random.Random(seed)))
        for seed in range(20)
    }

    assert {("a", "b"), ("a", "c")} == seen


def test_the_same_seed_chooses_the_same_nodes() -> None:
    held = {"a": 2, "b": 2, "c": 1}

    first, second = (
        nodes_to_hit(held, count=1, pods_min=1, chance=random.Random(3)) for _ in range(2)
    )
    assert first == second


def test_a_fault_that_would_test_nothing_is_refused() -> None:
    with pytest.raises(FaultFailed, match="3 backend pods"):
        nodes_to_hit({"a": 1, "b": 1}, count=2, pods_min=3, chance=random.Random(1))


def test_victims_are_serving_pods_restarted_least_often() -> None:
    pods = [
        pod("old", restarts=4),
        pod("fresh-1"),
        pod("fresh-2"),
        pod("ending", deleting=True),
        pod("starting", ready=False),
    ]

    chosen = victims(pods, 2, random.Random(5))

    assert {"fresh-1", "fresh-2"} == {p.name for p in chosen}


def test_too_few_victims_are_refused() -> None:
    with pytest.raises(FaultFailed, match="at least 2"):
        victims([pod("one")], 2, random.Random(1))


@pytest.mark.parametrize(
    ("by_node", "nodes", "moved"),
    [
        (spread(a=5), "abc", {"a": 3}),
        (spread(a=2, b=2, c=1), "abc", {}),
        (spread(a=3, b=2), "abc", {"a": 1}),
        (spread(a=3, b=1, c=1), "abc", {"a": 1}),
        (spread(a=1), "abc", {}),
        (spread(a=2, b=2, d=1), "abc", {"d": 1}),
        ({}, "abc", {}),
    ],
)
def test_surplus_levels_the_nodes(
    by_node: dict[str, list[BackendPod]], nodes: str, moved: dict[str, int]
) -> None:
    found: dict[str, int] = {}
    for p in surplus(by_node, list(nodes)):
        found[str(p.node)] = found.get(str(p.node), 0) + 1

    assert moved == found


# ---- pods and deployments ------------------------------------------------------------------


def test_a_pod_is_read_from_what_the_api_sends() -> None:
    found = parse_pod(
        {
            "metadata": {"name": "odoo-backend-1", "uid": "u"},
            "spec": {"nodeName": "worker"},
            "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [
                    {
                        "name": "odoo",
                        "containerID": "containerd://abc",
                        "restartCount": 2,
                        "state": {"running": {"startedAt": "t"}},
                    }
                ],
            },
        }
    )

    expected = BackendPod("odoo-backend-1", "u", "worker", "Running", True, False, 2, "abc", "t")
    assert expected == found
    assert found.serves


def test_a_pending_pod_without_status_does_not_serve() -> None:
    found = parse_pod({"metadata": {"name": "p", "uid": "u"}, "spec": {}, "status": {}})

    assert (found.node, found.serves) == (None, False)


@pytest.mark.parametrize(
    ("after", "proven"),
    [
        ([pod("p")], False),
        ([pod("p", restarts=1)], True),
        ([pod("p", container_id="new")], True),
        ([pod("p", started_at="later")], True),
        ([pod("p", started_at=None)], True),
        ([], True),
    ],
)
def test_a_kill_is_proven_by_a_change_of_the_container(
    after: list[BackendPod], proven: bool
) -> None:
    assert proven is (restarted([pod("p")], after) is not None)


def test_one_of_two_restarts_is_no_proof() -> None:
    before = [pod("p"), pod("q")]

    assert restarted(before, [pod("p", restarts=1), pod("q")]) is None


@pytest.mark.parametrize(
    ("status", "done"),
    [
        ({"observedGeneration": 2, "replicas": 5, "updatedReplicas": 5, "availableReplicas": 5}, 1),
        ({"observedGeneration": 1, "replicas": 5, "updatedReplicas": 5, "availableReplicas": 5}, 0),
        ({"observedGeneration": 2, "replicas": 6, "updatedReplicas": 5, "availableReplicas": 5}, 0),
        ({"observedGeneration": 2, "replicas": 5, "updatedReplicas": 5, "availableReplicas": 4}, 0),
        ({}, 0),
    ],
)
def test_rolled_out_needs_every_replica_of_the_newest_template(
    status: dict[str, int], done: int
) -> None:
    deployment = {"metadata": {"generation": 2}, "spec": {"replicas": 5}, "status": status}

    assert bool(done) is rolled_out(deployment)


@pytest.mark.parametrize(
    ("quantity", "value"),
    [("250m", 0.25), ("2", 2.0), ("1234567n", 0.001234567), ("500u", 0.0005), ("1Ki", 1024.0)],
)
def test_quantities(quantity: str, value: float) -> None:
    assert pytest.approx(value) == cores(quantity)


def test_text_that_is_no_quantity_is_refused() -> None:
    with pytest.raises(ProbeFailed, match="'much'"):
        cores("much")


def test_cpu_use_is_the_mean_of_the_pods_in_percent_of_the_request() -> None:
    items = [{"containers": [{"usage": {"cpu": use}}]} for use in ("50m", "100m")]

    assert cpu_percent({"items": items}, 50) == 150.0
    assert cpu_percent({"items": []}, 50) is None


# ---- watches -------------------------------------------------------------------------------


def piece(**ready: bool) -> dict[str, Any]:
    return {
        "endpoints": [
            {"targetRef": {"name": name}, "nodeName": "w", "conditions": {"ready": state}}
            for name, state in ready.items()
        ]
    }


def test_endpoint_changes_are_new_changed_and_removed_ones() -> None:
    changes = endpoint_changes(endpoints(piece(a=True, b=True)), endpoints(piece(b=False, c=True)))

    assert changes == [
        {"pod": "b", "node": "w", "ready": False},
        {"pod": "c", "node": "w", "ready": True},
        {"pod": "a", "node": "w", "ready": False, "removed": True},
    ]


def test_an_endpoint_that_does_not_say_is_ready() -> None:
    [value] = endpoints({"endpoints": [{"addresses": ["10.244.1.2"]}]}).values()

    assert value == {"pod": "10.244.1.2", "node": None, "ready": True}


def autoscaler(cpu: Any, *conditions: dict[str, str]) -> dict[str, Any]:
    metrics = [
        {"resource": {"name": "cpu", "current": {"averageUtilization": cpu}}},
        {"resource": {"name": "memory", "current": {"averageUtilization": 40}}},
    ]
    return {
        "status": {
            "desiredReplicas": 7,
            "currentReplicas": 5,
            "currentMetrics": metrics,
            "conditions": list(conditions),
        }
    }


def test_an_autoscaler_that_knows_its_metrics() -> None:
    active = {"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound"}

    assert autoscaler_value(autoscaler(81, active), {"status": {"readyReplicas": 5}}) == {
        "desired": 7,
        "current": 5,
        "ready": 5,
        "cpu_percent": 81,
        "memory_percent": 40,
        "scaling_active": True,
        "reason": "ValidMetricFound",
    }


def test_unknown_metrics_and_conditions_are_none() -> None:
    value = autoscaler_value({"status": {}}, {})

    assert (
        value["cpu_percent"],
        value["memory_percent"],
        value["scaling_active"],
    ) == (None, None, None)


def test_memory_available_is_read_in_bytes() -> None:
    assert memory_available("MemTotal: 9 kB\nMemAvailable:   2 kB\n") == 2048
    with pytest.raises(ProbeFailed):
        memory_available("")


# ---- database and cache --------------------------------------------------------------------


def test_the_cluster_is_read_by_container_name() -> None:
    view = parse_cluster(
        {
            "members": [
                {"name": "x", "host": "10.0.201.11", "role": "leader", "state": "running",
                 "timeline": 3},
                {"name": "y", "host": "10.0.202.11", "role": "sync_standby",
                 "state": "streaming", "timeline": 3, "lag": 0},
                {"name": "z", "host": "10.0.203.11", "role": "replica", "state": "stopped"},
            ]
        },
        {"10.0.201.11": "database-a", "10.0.202.11": "database-b"},
    )  # fmt: skip

    assert (view.observation()) == {
        "primary": "database-a",
        "timeline": 3,
        "synchronous": ["database-b"],
    }
    assert [member.serves for member in view.members] == [True, True, False]


def test_a_cluster_without_leader_has_no_primary() -> None:
    view = parse_cluster({"members": []}, {})

    assert view.observation() == {"primary": None, "timeline": None, "synchronous": []}


PS = """\
    1     0 Ss   /usr/bin/tini -- /usr/bin/python3 /usr/local/lib/smart-dairy/entrypoint.py
    7     1 Sl   /usr/bin/python3 -m patroni /run/smart-dairy/patroni.json
   30     7 S    /usr/lib/postgresql/16/bin/postgres -D /var/lib/postgresql/data --port=5432
   35    30 Ss   postgres: smart-dairy: checkpointer
   50    30 Ts   postgres: smart-dairy: walsender replicator 10.0.202.11(5123) streaming 0/3000060
   51    30 Ss   postgres: smart-dairy: odoo smart_dairy_prod 10.0.0.1(444) INSERT
"""


def test_the_processes_of_a_primary_are_told_apart() -> None:
    found = process.parse(PS)

    postmaster, agent = process.postmaster(found), process.failover_agent(found)
    assert postmaster is not None
    assert agent is not None
    assert (postmaster.pid, agent.pid) == (30, 7)
    assert [p.pid for p in process.wal_senders(found)] == [50]
    assert [p.pid for p in found if p.stopped] == [50]


def test_a_container_without_server_has_no_postmaster() -> None:
    assert process.postmaster(process.parse("  7 1 S /usr/bin/python3 -m patroni x\n")) is None


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (["a", "a", "b"], "a"),
        (["a", "a", None], "a"),
        (["a", None, None], None),
        (["a", "b", "c"], None),
        ([None, None, None], None),
    ],
)
def test_the_primary_is_what_most_sentinels_name(
    answers: list[str | None], expected: str | None
) -> None:
    assert expected == majority(answers)


# ---- plants and their undo -----------------------------------------------------------------


def deployment() -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "odoo-backend",
            "labels": {"app": "backend"},
            "annotations": {"deployment.kubernetes.io/revision": "1"},
            "resourceVersion": "10",
            "uid": "u",
        },
        "spec": {
            "replicas": 5,
            "template": {
                "spec": {
                    "tolerations": [{"key": "dedicated"}, {"key": "node.kubernetes.io/not-ready"}],
                    "containers": [
                        {
                            "name": "odoo",
                            "readinessProbe": {},
                            "lifecycle": {},
                            "env": [{"name": "START_DELAY_SECONDS", "value": "10"}],
                            "resources": {
                                "requests": {"cpu": "50m", "memory": "1Gi"},
                                "limits": {"cpu": "200m"},
                            },
                        }
                    ],
                }
            },
        },
        "status": {"replicas": 5},
    }


def planted(change: Any) -> dict[str, Any]:
    original = plain(deployment())
    changed: dict[str, Any] = change(original)
    assert plain(deployment()) == original, "a plant must not change the stored original"
    template: dict[str, Any] = changed["spec"]["template"]["spec"]
    return template


def test_no_graceful_stop_removes_probe_and_hook_and_starts_slowly() -> None:
    [container] = planted(lambda d: plants.without_graceful_stop(d, 25))["containers"]

    assert not {"readinessProbe", "lifecycle"} & set(container)
    assert container["env"] == [{"name": "START_DELAY_SECONDS", "value": "25"}]


def test_tolerations_replace_only_those_of_lost_nodes() -> None:
    found = planted(lambda d: plants.with_tolerations(d, 300))["tolerations"]

    assert {"key": "dedicated"} in found
    assert [t["tolerationSeconds"] for t in found if "tolerationSeconds" in t] == [300, 300]
    assert len(found) == 3


def test_no_cpu_request_leaves_memory_and_removes_the_limit() -> None:
    [container] = planted(plants.without_cpu_request)["containers"]

    assert container["resources"] == {"requests": {"memory": "1Gi"}, "limits": {}}


def test_defaults_that_would_supply_a_request_are_removed() -> None:
    limits = {"spec": {"limits": [{"type": "Container", "min": {"cpu": "1", "memory": "2"}}]}}
    quota = {"spec": {"hard": {"requests.cpu": "5", "limits.cpu": "9", "pods": "200"}}}

    assert plants.without_cpu(limits)["spec"]["limits"] == [
        {"type": "Container", "min": {"memory": "2"}}
    ]
    assert plants.without_cpu(quota)["spec"]["hard"] == {"pods": "200"}


def test_restoring_keeps_live_replicas_and_revision_and_sets_the_rest_back() -> None:
    original = plain(deployment())
    live = deployment()
    live["metadata"]["resourceVersion"] = "99"
    live["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "2"
    live["spec"]["replicas"] = 8
    live["spec"]["template"]["spec"]["containers"][0].pop("readinessProbe")

    wanted = merged(original, live)

    assert wanted is not None
    assert original["spec"]["template"] == wanted["spec"]["template"]
    assert wanted["spec"]["replicas"] == 8
    assert wanted["metadata"]["resourceVersion"] == "99"
    assert wanted["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"


def test_an_object_that_is_as_it_was_is_not_written() -> None:
    assert merged(plain(deployment()), deployment()) is None


def test_an_object_without_spec_is_compared_by_its_data() -> None:
    live = {
        "kind": "ConfigMap",
        "metadata": {"name": "c", "resourceVersion": "1"},
        "data": {"a": "1"},
    }
    original = plain(live)

    assert merged(original, live) is None
    assert merged(original, {**live, "data": {"a": "2"}}) is not None
