"""A defect planted into the project's own infrastructure is found by the rule that is for it."""

from __future__ import annotations

import copy
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from harness.audit.inventory import Inventory
from harness.audit.judging import State, judge
from harness.audit.rules import RULES
from harness.audit.sources import defaults, load
from tests.unit.audit.inputs import TODAY

ROOT = Path(__file__).resolve().parents[3]
_NOTHING = object()
_POD = ("spec", "template", "spec")


@dataclass(frozen=True)
class Plant:
    """A field of one object that gets another value, or goes away, and the rule that sees it."""

    rule: str
    address: str
    path: tuple[str | int, ...]
    value: Any = _NOTHING


_BACKEND = "Deployment smart-dairy-prod/odoo-backend"
_EGRESS = "NetworkPolicy smart-dairy-prod/allow-backend-egress"
_INGRESS = "NetworkPolicy smart-dairy-prod/allow-backend-ingress"
_DATABASE = "module.database.aws_rds_cluster.primary"
_CACHE = "module.cache.aws_elasticache_replication_group.main"
_CDN = "module.edge.aws_cloudfront_distribution.main"
PLANTS = (
    Plant("database-failover-in-bound", _DATABASE, ("db_cluster_instance_class",)),
    Plant("database-deletion-protected", _DATABASE, ("deletion_protection",), False),
    Plant("store-encrypted", _DATABASE, ("storage_encrypted",), False),
    Plant("cache-encrypted-in-transit", _CACHE, ("transit_encryption_enabled",), False),
    Plant("cache-multi-zone", _CACHE, ("multi_az_enabled",), False),
    Plant("cluster-version-supported", "module.cluster.aws_eks_cluster.main", ("version",), "1.30"),
    Plant("policies-enforced", "module.cluster.aws_eks_addon.vpc_cni", ("configuration_values",)),
    Plant(
        "metrics-for-autoscaler",
        "module.cluster.aws_eks_addon.metrics_server",
        ("addon_name",),
        "x",
    ),
    Plant("policy-reaches-database", _EGRESS, ("spec", "egress", 1, "to", 2)),
    Plant("policy-reaches-cache", _EGRESS, ("spec", "egress", 2, "to", 0)),
    Plant("policy-dns-tcp", _EGRESS, ("spec", "egress", 0, "ports", 1)),
    Plant("policy-admits-load-balancer", _INGRESS, ("spec", "ingress", 0, "from", 1)),
    Plant("policy-admits-monitoring", _INGRESS, ("spec", "ingress", 1, "from", 2)),
    Plant("policy-admits-ports", _INGRESS, ("spec", "ingress", 0, "ports", 1)),
    Plant("reference-exists", _BACKEND, (*_POD, "serviceAccountName"), "absent"),
    Plant("replicas-spread-zones", _BACKEND, (*_POD, "topologySpreadConstraints")),
    Plant("tolerations-short", _BACKEND, (*_POD, "tolerations")),
    Plant("grace-outlasts-prestop", _BACKEND, (*_POD, "containers", 0, "lifecycle")),
    Plant(
        "budget-survives-zone",
        "PodDisruptionBudget smart-dairy-prod/odoo-backend-pdb",
        ("spec", "minAvailable"),
        4,
    ),
    Plant(
        "quota-admits-maximum",
        "HorizontalPodAutoscaler smart-dairy-prod/odoo-backend-hpa",
        ("spec", "maxReplicas"),
        60,
    ),
    Plant("object-schema-valid", _BACKEND, ("spec", "replicaz"), 3),
    Plant(
        "pool-fits-connections",
        "ConfigMap smart-dairy-prod/odoo-config",
        ("data", "DB_POOL_SIZE"),
        "40",
    ),
    Plant(
        "cdn-protocol-minimum", _CDN, ("viewer_certificate", 0, "minimum_protocol_version"), "TLSv1"
    ),
    Plant(
        "ingress-host-resolves",
        'module.edge.aws_route53_record.load_balancer["api.smartdairy.com.bd"]',
        ("name",),
        "other.smartdairy.com.bd",
    ),
    Plant(
        "cdn-certificate-validated",
        "module.dns_and_certificates.aws_acm_certificate_validation.cdn",
        ("certificate_arn",),
        "arn:other",
    ),
    Plant(
        "target-group-drains-in-grace",
        'module.edge.aws_lb_target_group.main["backend"]',
        ("deregistration_delay",),
        300,
    ),
    Plant(
        "health-path-served",
        'module.edge.aws_lb_target_group.main["gateway"]',
        ("health_check", 0, "path"),
        "/nowhere",
    ),
    Plant(
        "image-repository-declared",
        'module.registry.aws_ecr_repository.main["smart-dairy-backend"]',
        ("name",),
        "other",
    ),
    Plant(
        "external-secret-source-exists",
        "module.database.aws_secretsmanager_secret.application",
        ("name",),
        "other",
    ),
    Plant(
        "terraform-state-exists", "bootstrap.module.state.aws_s3_bucket.main", ("bucket",), "other"
    ),
)


@pytest.fixture(scope="module")
def infra() -> Inventory:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not on PATH: the production overlay cannot be rendered")
    return load(defaults(ROOT / "infra"), Path(kubectl))


def _planted(found: Inventory, plant: Plant) -> Inventory:
    """Return the inventory with the plant in it."""
    field = "objects" if " " in plant.address else "resources"
    items = list(getattr(found, field))
    at = next(i for i, item in enumerate(items) if item.address == plant.address)
    values = copy.deepcopy(dict(items[at].values))
    inner: Any = values
    for step in plant.path[:-1]:
        inner = inner[step]
    if plant.value is _NOTHING:
        del inner[plant.path[-1]]
    else:
        inner[plant.path[-1]] = plant.value
    items[at] = replace(items[at], values=values)
    return replace(found, **{field: tuple(items)})


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.rule)
def test_planted_defect_is_found(infra: Inventory, plant: Plant) -> None:
    """The rule holds on the infrastructure as it is, and is broken with the plant in it."""
    rules = [rule for rule in RULES if rule.id == plant.rule]

    assert judge(infra, TODAY, rules).results[0].state is State.HELD
    assert judge(_planted(infra, plant), TODAY, rules).results[0].state is State.BROKEN
