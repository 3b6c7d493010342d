"""Names of the document's Kubernetes objects that faults aim at."""

from __future__ import annotations

from harness.stack import layout

BACKEND = "odoo-backend"
BACKEND_CONTAINER = "odoo"
BACKEND_SELECTOR = "app=backend"
BACKEND_SERVICE = "odoo-backend-svc"
BACKEND_HPA = "odoo-backend-hpa"
BACKEND_PDB = "odoo-backend-pdb"
APPLICATION_NODES = "role=application"

CORE = f"/api/v1/namespaces/{layout.NAMESPACE}"
PODS = f"{CORE}/pods"
NODES = "/api/v1/nodes"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{layout.NAMESPACE}/deployments"
BACKEND_DEPLOYMENT = f"{DEPLOYMENTS}/{BACKEND}"
DISRUPTION_BUDGETS = f"/apis/policy/v1/namespaces/{layout.NAMESPACE}/poddisruptionbudgets"
AUTOSCALERS = f"/apis/autoscaling/v2/namespaces/{layout.NAMESPACE}/horizontalpodautoscalers"
ENDPOINT_SLICES = f"/apis/discovery.k8s.io/v1/namespaces/{layout.NAMESPACE}/endpointslices"
POD_METRICS = f"/apis/metrics.k8s.io/v1beta1/namespaces/{layout.NAMESPACE}/pods"
LIMIT_RANGES = f"{CORE}/limitranges"
QUOTAS = f"{CORE}/resourcequotas"
CONFIGURATIONS = f"{CORE}/configmaps"
BACKEND_CONFIGURATION = "odoo-config"
