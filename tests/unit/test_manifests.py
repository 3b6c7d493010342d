"""The Kubernetes objects: the document's bounds are kept, and they fit together."""

from __future__ import annotations

import ipaddress
import re
from decimal import Decimal
from typing import Any

import pytest
import yaml

from harness.stack import deployment
from harness.stack.differences import flat
from harness.stack.folders import EXPERIMENTS

SCALED = ("resources", "spec.limits", "spec.hard")
UNITS = {"": 1, "m": Decimal("0.001"), "Mi": 2**20, "Gi": 2**30}
APPLICATIONS = ("odoo-backend", "frontend", "fastapi-gateway")


def quantity(text: str) -> Decimal:
    match = re.fullmatch(r"([0-9.]+)(m|Mi|Gi|)", str(text))
    assert match is not None, text
    return Decimal(match[1]) * UNITS[match[2]]


@pytest.fixture(scope="module")
def renders() -> dict[str, str]:
    return {name: deployment.render(name) for name in ("production", "emulation")}


@pytest.fixture(scope="module", params=["production", "emulation"])
def objects(request: pytest.FixtureRequest, renders: dict[str, str]) -> dict[str, dict[str, Any]]:
    documents = [d for d in yaml.safe_load_all(renders[request.param]) if d]
    return {f"{d['kind']}/{d['metadata']['name']}": d for d in documents}


def pod(objects: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    spec: dict[str, Any] = objects[f"Deployment/{name}"]["spec"]["template"]["spec"]
    return spec


def test_the_documents_bounds_are_kept(objects: dict[str, dict[str, Any]]) -> None:
    """What the claims judge is what day 703 says, in both overlays."""
    backend = objects["Deployment/odoo-backend"]["spec"]
    container = backend["template"]["spec"]["containers"][0]
    hpa = objects["HorizontalPodAutoscaler/odoo-backend-hpa"]["spec"]

    assert backend["replicas"] == 5
    assert backend["strategy"]["rollingUpdate"] == {"maxSurge": 2, "maxUnavailable": 1}
    assert backend["template"]["spec"]["terminationGracePeriodSeconds"] == 60
    assert container["lifecycle"]["preStop"]["exec"]["command"][-1] == "sleep 15"
    assert [
        [container[probe][field] for field in ("initialDelaySeconds", "periodSeconds")]
        + [container[probe][field] for field in ("timeoutSeconds", "failureThreshold")]
        for probe in ("livenessProbe", "readinessProbe")
    ] == [[60, 30, 10, 3], [30, 10, 5, 3]]
    assert (hpa["minReplicas"], hpa["maxReplicas"]) == (5, 20)
    assert [m["resource"]["target"]["averageUtilization"] for m in hpa["metrics"]] == [70, 80]
    assert hpa["behavior"]["scaleUp"]["stabilizationWindowSeconds"] == 60
    assert hpa["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 300
    assert objects["PodDisruptionBudget/odoo-backend-pdb"]["spec"]["minAvailable"] == 3
    assert objects["Deployment/frontend"]["spec"]["replicas"] == 3


def test_everything_fits_the_quota_at_its_largest(objects: dict[str, dict[str, Any]]) -> None:
    """All autoscalers at their maximum in the middle of a rolling update stay in the quota."""
    hard = objects["ResourceQuota/production-quota"]["spec"]["hard"]
    largest = {
        o["spec"]["scaleTargetRef"]["name"]: o["spec"]["maxReplicas"]
        for o in objects.values()
        if o["kind"] == "HorizontalPodAutoscaler"
    }
    used = dict.fromkeys(hard, Decimal(0))
    for name in APPLICATIONS:
        spec = objects[f"Deployment/{name}"]["spec"]
        pods = largest.get(name, spec["replicas"]) + spec["strategy"]["rollingUpdate"]["maxSurge"]
        used["pods"] += pods
        for container in spec["template"]["spec"]["containers"]:
            for which, values in container["resources"].items():
                for resource, value in values.items():
                    used[f"{which}.{resource}"] += pods * quantity(value)

    over = {k: (used[k], hard[k]) for k in hard if used[k] > quantity(hard[k])}

    assert not over


def test_containers_keep_to_the_limit_range(objects: dict[str, dict[str, Any]]) -> None:
    """No container asks for less than the namespace's minimum or more than its maximum."""
    (limit,) = objects["LimitRange/default-limits"]["spec"]["limits"]
    for name in APPLICATIONS:
        resources = pod(objects, name)["containers"][0]["resources"]
        for resource in ("cpu", "memory"):
            request = quantity(resources["requests"][resource])

            assert quantity(limit["min"][resource]) <= request
            assert request <= quantity(resources["limits"][resource])
            assert quantity(resources["limits"][resource]) <= quantity(limit["max"][resource])


def test_requests_and_limits_are_scaled_by_one_factor(renders: dict[str, str]) -> None:
    """Each request, limit, default and quota is production's times the factor, nothing else."""
    listed = yaml.safe_load((deployment.OVERLAYS / "emulation" / "DIFFERENCES.yaml").read_text())
    factor = {k: Decimal(str(v)) for k, v in listed["scale"].items()}
    production, emulation = flat(renders["production"]), flat(renders["emulation"])
    scaled = 0
    for key, value in production.items():
        resource = key.rsplit(".", 1)[1] if "." in key else ""
        if resource not in factor or not any(word in key for word in SCALED):
            continue
        scaled += 1
        exact = quantity(value) * factor[resource]
        rounding = Decimal(2**20) / 2 if resource == "memory" else Decimal(0)

        assert abs(quantity(emulation[key]) - exact) <= rounding, key

    assert scaled >= 24


def test_every_difference_has_a_reason(renders: dict[str, str]) -> None:
    """Nothing differs from production that DIFFERENCES.yaml does not explain, and vice versa."""
    found = deployment.differences()

    assert len(found) > 5
    assert all(d.what and d.why and d.production and d.emulation for d in found)


def test_differences_name_known_claims() -> None:
    """A claim that a difference weakens is one that is judged."""
    claims = EXPERIMENTS / "claims.yaml"
    if not claims.exists():
        pytest.skip("no claims yet")
    known = {claim["id"] for claim in yaml.safe_load(claims.read_text())["claims"]}

    assert not {c for d in deployment.differences() for c in d.weakens} - known


def test_references_lead_somewhere(objects: dict[str, dict[str, Any]]) -> None:
    """Services, autoscalers, budgets, accounts and routes name what exists."""
    accounts = {o["metadata"]["name"] for o in objects.values() if o["kind"] == "ServiceAccount"}
    labels = [
        objects[f"Deployment/{name}"]["spec"]["template"]["metadata"]["labels"]
        for name in APPLICATIONS
    ]
    for name in APPLICATIONS:
        assert pod(objects, name)["serviceAccountName"] in accounts
    for item in objects.values():
        spec = item.get("spec", {})
        if item["kind"] == "Service":
            assert any(spec["selector"].items() <= label.items() for label in labels)
        if item["kind"] == "PodDisruptionBudget":
            matching = [
                la for la in labels if spec["selector"]["matchLabels"].items() <= la.items()
            ]
            assert len(matching) == 1
        if item["kind"] == "HorizontalPodAutoscaler":
            assert f"Deployment/{spec['scaleTargetRef']['name']}" in objects
        if item["kind"] == "Ingress":
            for rule in spec["rules"]:
                for path in rule["http"]["paths"]:
                    service = path["backend"]["service"]
                    ports = objects[f"Service/{service['name']}"]["spec"]["ports"]
                    assert service["port"]["number"] in {p["port"] for p in ports}


def admits(policy: dict[str, Any], direction: str, address: str, port: int, protocol: str) -> bool:
    """Say whether an ipBlock rule (or a rule for everybody) admits the address on the port."""
    for rule in policy["spec"].get(direction, []):
        peers = rule.get("to" if direction == "egress" else "from", [])
        blocks = [p["ipBlock"]["cidr"] for p in peers if "ipBlock" in p]
        inside = not peers or any(
            ipaddress.ip_address(address) in ipaddress.ip_network(block) for block in blocks
        )
        if inside and {"protocol": protocol, "port": port} in rule["ports"]:
            return True
    return False


@pytest.mark.parametrize(
    ("policy", "query", "expected"),
    [
        ("allow-backend-egress", ("egress", "10.0.201.11", 5432, "TCP"), True),
        ("allow-backend-egress", ("egress", "10.0.202.11", 5432, "TCP"), True),
        ("allow-backend-egress", ("egress", "10.0.203.11", 5432, "TCP"), True),
        ("allow-backend-egress", ("egress", "10.0.1.21", 6379, "TCP"), True),
        ("allow-backend-egress", ("egress", "10.0.2.21", 6379, "TCP"), True),
        ("allow-backend-egress", ("egress", "10.0.3.21", 6379, "TCP"), True),
        ("allow-backend-egress", ("egress", "10.0.1.21", 5432, "TCP"), False),
        ("allow-backend-egress", ("egress", "10.0.0.41", 26379, "TCP"), False),
        ("allow-backend-egress", ("egress", "10.96.0.10", 53, "UDP"), True),
        ("allow-backend-egress", ("egress", "10.96.0.10", 53, "TCP"), True),
        ("allow-backend-ingress", ("ingress", "10.0.102.5", 8069, "TCP"), True),
        ("allow-backend-ingress", ("ingress", "10.0.102.5", 8072, "TCP"), True),
        ("allow-backend-ingress", ("ingress", "10.0.0.10", 8069, "TCP"), False),
        ("allow-frontend", ("ingress", "10.0.103.9", 3000, "TCP"), True),
        ("allow-gateway", ("ingress", "10.0.101.9", 8000, "TCP"), True),
    ],
)
def test_policies_admit_all_zones_and_no_more(
    objects: dict[str, dict[str, Any]],
    policy: str,
    query: tuple[str, str, int, str],
    expected: bool,
) -> None:
    """The database, the cache and the load balancer are reached in whichever zone they are."""
    assert expected == admits(objects[f"NetworkPolicy/{policy}"], *query)


def test_the_harness_client_is_admitted_in_the_emulation_only(renders: dict[str, str]) -> None:
    """The NodePort and the control plane's address are no part of production."""
    assert "10.0.0.10/32" in renders["emulation"]
    assert "10.0.0.10/32" not in renders["production"]
    assert "NodePort" not in renders["production"]


def test_pods_are_replaced_soon_and_spread_over_zones(objects: dict[str, dict[str, Any]]) -> None:
    """A lost node's pods go after 30 s, and no zone may hold all of an application."""
    for name in APPLICATIONS:
        spec = pod(objects, name)
        seconds = {t["key"]: t["tolerationSeconds"] for t in spec["tolerations"]}
        (spread,) = spec["topologySpreadConstraints"]

        assert seconds == {
            "node.kubernetes.io/unreachable": 30,
            "node.kubernetes.io/not-ready": 30,
        }
        assert spread["topologyKey"] == "topology.kubernetes.io/zone"
        assert spread["nodeTaintsPolicy"] == "Honor"


def test_the_load_balancer_forgets_a_pod_before_it_is_killed(
    objects: dict[str, dict[str, Any]],
) -> None:
    """Deregistration ends within the grace period, after preStop has begun to hold the pod."""
    annotations = objects["Ingress/smart-dairy-ingress"]["metadata"]["annotations"]
    match = re.search(
        r"deregistration_delay\.timeout_seconds=(\d+)",
        annotations["alb.ingress.kubernetes.io/target-group-attributes"],
    )

    assert match is not None
    assert 15 < int(match[1]) <= pod(objects, "odoo-backend")["terminationGracePeriodSeconds"]
    assert "kubernetes.io/ingress.class" not in annotations
