"""Examples for the rules on Kubernetes objects, alone and against Terraform."""

from __future__ import annotations

from tests.unit.audit.cases_stores import resource
from tests.unit.audit.inputs import Case, Files


def deployment(spec: str = "", *, replicas: int = 3, pod: str = "", container: str = "") -> str:
    """Return a Deployment ``web`` with further fields of its spec, pod and container."""
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: shop}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: web}}}}
  {spec}
  template:
    metadata:
      labels: {{app: web}}
      annotations: {{prometheus.io/scrape: "true", prometheus.io/port: "8080"}}
    spec:
      {pod}
      containers:
        - name: web
          ports: [{{name: http, containerPort: 8080}}]
          {container}
---
"""


def service(ports: str = "{port: 80, targetPort: 8080}", selector: str = "{app: web}") -> str:
    """Return a Service ``web``."""
    return f"""
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: shop}}
spec: {{selector: {selector}, ports: [{ports}]}}
---
"""


def ingress(annotations: str = "{}", name: str = "web", port: int = 80) -> str:
    """Return an Ingress that sends to a Service."""
    return f"""
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: web, namespace: shop, annotations: {annotations}}}
spec:
  ingressClassName: alb
  rules:
    - host: app.example.org
      http: {{paths: [{{backend: {{service: {{name: {name}, port: {{number: {port}}}}}}}}}]}}
---
"""


def budget(spec: str = "minAvailable: 2", name: str = "web") -> str:
    """Return a PodDisruptionBudget of ``web``."""
    return f"""
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: {name}, namespace: shop}}
spec: {{{spec}, selector: {{matchLabels: {{app: web}}}}}}
---
"""


def policy(spec: str) -> str:
    """Return a NetworkPolicy of ``web``."""
    return f"""
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: web, namespace: shop}}
spec: {{podSelector: {{matchLabels: {{app: web}}}}, {spec}}}
---
"""


def scaler(least: int = 2, most: int = 4, target: str = "web") -> str:
    """Return an autoscaler of ``web`` by CPU utilisation."""
    metric = "{name: cpu, target: {type: Utilization, averageUtilization: 70}}"
    return f"""
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: web, namespace: shop}}
spec:
  scaleTargetRef: {{kind: Deployment, name: {target}}}
  minReplicas: {least}
  maxReplicas: {most}
  metrics: [{{type: Resource, resource: {metric}}}]
---
"""


def _namespace(labels: str = "{}") -> str:
    return f"{{apiVersion: v1, kind: Namespace, metadata: {{name: shop, labels: {labels}}}}}\n---\n"


_ALL = deployment() + service()
_SERVED = _ALL + ingress('{alb.ingress.kubernetes.io/target-type: ip, x: ""}')
_SUBNETS = resource(
    "aws_subnet",
    'count = 2\ncidr_block = cidrsubnet("10.0.0.0/16", 8, 201 + count.index)\n'
    'tags = { "kubernetes.io/role/elb" = "1" }',
)
_DATABASE = (
    _SUBNETS
    + resource("aws_db_subnet_group", 'name = "a"\nsubnet_ids = aws_subnet.main[*].id')
    + resource("aws_rds_cluster", "db_subnet_group_name = aws_db_subnet_group.main.name")
)
_CACHE = (
    _SUBNETS
    + resource("aws_elasticache_subnet_group", 'name = "a"\nsubnet_ids = aws_subnet.main[*].id')
    + resource(
        "aws_elasticache_replication_group",
        "subnet_group_name = aws_elasticache_subnet_group.main.name",
    )
)
_ONE = "[{ipBlock: {cidr: 10.0.201.0/24}}]"
_BOTH = "[{ipBlock: {cidr: 10.0.201.0/24}}, {ipBlock: {cidr: 10.0.202.0/24}}]"


def _egress(to: str, port: int) -> str:
    ports = f"[{{protocol: TCP, port: {port}}}]"
    return deployment() + policy(f"policyTypes: [Egress], egress: [{{to: {to}, ports: {ports}}}]")


def _admits(source: str, port: int = 8080) -> str:
    ports = f"[{{protocol: TCP, port: {port}}}]"
    return policy(f"policyTypes: [Ingress], ingress: [{{from: {source}, ports: {ports}}}]")


_NODES = resource(
    "aws_eks_node_group",
    'instance_types = ["t3.xlarge"]\nlabels = { role = "web" }\n'
    "scaling_config {\n  min_size = 1\n  max_size = 1\n}",
)
_LIMITS = """
apiVersion: v1
kind: LimitRange
metadata: {name: limits, namespace: shop}
spec: {limits: [{type: Container, max: {cpu: "1"}}]}
---
"""


def _quota(cores: int) -> str:
    return f"""
apiVersion: v1
kind: ResourceQuota
metadata: {{name: quota, namespace: shop}}
spec: {{hard: {{requests.cpu: "{cores}"}}}}
---
"""


def _asking(cpu: str) -> str:
    return deployment(container=f"resources: {{requests: {{cpu: {cpu}, memory: 1Gi}}}}")


def _claim(mode: str) -> str:
    volume = "volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]"
    return deployment(pod=volume) + (
        "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data, namespace: shop}, "
        f"spec: {{accessModes: [{mode}], storageClassName: fast}}}}\n---\n"
    )


def _class(binding: str = "WaitForFirstConsumer") -> str:
    return (
        "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: fast}, "
        'provisioner: ebs.csi.aws.com, parameters: {encrypted: "true"}, '
        f"volumeBindingMode: {binding}}}\n---\n"
    )


_HTTPS = 'alb.ingress.kubernetes.io/listen-ports: \'[{"HTTP": 80}, {"HTTPS": 443}]\''
_SPREAD = (
    "topologySpreadConstraints: [{topologyKey: topology.kubernetes.io/zone, maxSkew: 1, "
    "whenUnsatisfiable: DoNotSchedule}]"
)
_TOLERATES = (
    "tolerations: [{key: node.kubernetes.io/unreachable, tolerationSeconds: 30}, "
    "{key: node.kubernetes.io/not-ready, tolerationSeconds: 30}]"
)
_WAITS = 'lifecycle: {preStop: {exec: {command: ["/bin/sh", "-c", "sleep 15"]}}}'
_PROBE = "livenessProbe: {{periodSeconds: {seconds}, failureThreshold: 3}}"
_SELECTS = "nodeSelector: {{role: {role}}}"
_ROLE = "serviceAccountName: web"
_ACCOUNT = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: web, namespace: shop}}\n---\n"
_DELAY = "deregistration_delay.timeout_seconds=20"

_ZONES = resource(
    "aws_subnet",
    'count = 3\ncidr_block = cidrsubnet("10.0.0.0/16", 8, count.index)\n'
    'availability_zone = ["a", "b", "c"][count.index]',
) + resource("aws_eks_node_group", "subnet_ids = aws_subnet.main[*].id")
_BINDING = """
apiVersion: elbv2.k8s.aws/v1beta1
kind: TargetGroupBinding
metadata: {name: web, namespace: shop}
spec: {targetType: ip, serviceRef: {name: web, port: 80}}
---
"""
_BOUND = deployment() + service() + _BINDING
_HEALTHY = deployment(container="readinessProbe: {httpGet: {path: /up}}") + service()
_EXTERNAL = """
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: password, namespace: shop}
spec: {data: [{secretKey: a, remoteRef: {key: shop/password}}]}
---
"""


def _listener(protocol: str, more: str) -> str:
    return resource("aws_lb_listener", f'protocol = "{protocol}"\n{more}')


CASES = (
    Case(
        "object-schema-valid",
        Files(kubernetes=service().replace("targetPort", "targetport")),
        Files(kubernetes=service()),
    ),
    Case(
        "reference-exists",
        Files(kubernetes=deployment(pod=_ROLE)),
        Files(kubernetes=deployment(pod=_ROLE) + _ACCOUNT),
    ),
    Case(
        "object-declared-once",
        Files(kubernetes=service() + service()),
        Files(kubernetes=service()),
    ),
    Case(
        "ingress-class-once",
        Files(kubernetes=ingress("{kubernetes.io/ingress.class: alb}")),
        Files(kubernetes=ingress()),
    ),
    Case(
        "ingress-backend-exists",
        Files(kubernetes=_ALL + ingress(port=81)),
        Files(kubernetes=_ALL + ingress()),
    ),
    Case(
        "service-selects-pods",
        Files(kubernetes=deployment() + service(selector="{app: other}")),
        Files(kubernetes=_ALL),
    ),
    Case(
        "service-port-routed",
        Files(
            kubernetes=deployment()
            + service("{port: 80, targetPort: 8080}, {port: 90, targetPort: 9090}")
            + ingress()
        ),
        Files(kubernetes=_ALL + ingress()),
    ),
    Case(
        "scale-target-exists",
        Files(kubernetes=deployment() + scaler(target="other")),
        Files(kubernetes=deployment() + scaler()),
    ),
    Case(
        "namespace-injection-installed",
        Files(kubernetes=_namespace("{istio-injection: enabled}")),
        Files(kubernetes=_namespace()),
    ),
    Case(
        "selector-matches-template",
        Files(kubernetes=deployment().replace("matchLabels: {app: web}", "matchLabels: {app: w}")),
        Files(kubernetes=deployment()),
    ),
    Case(
        "policy-reaches-database",
        Files(_DATABASE, _egress(_ONE, 5432)),
        Files(_DATABASE, _egress(_BOTH, 5432)),
    ),
    Case(
        "policy-reaches-cache",
        Files(_CACHE, _egress(_ONE, 6379)),
        Files(_CACHE, _egress("[{ipBlock: {cidr: 10.0.200.0/21}}]", 6379)),
    ),
    Case(
        "policy-dns-tcp",
        Files(
            kubernetes=deployment()
            + policy("policyTypes: [Egress], egress: [{ports: [{protocol: UDP, port: 53}]}]")
        ),
        Files(
            kubernetes=deployment()
            + policy(
                "policyTypes: [Egress], egress: [{ports: [{protocol: UDP, port: 53}, "
                "{protocol: TCP, port: 53}]}]"
            )
        ),
    ),
    Case(
        "policy-admits-load-balancer",
        Files(_SUBNETS, _SERVED + _admits(_ONE)),
        Files(_SUBNETS, _SERVED + _admits(_BOTH)),
    ),
    Case(
        "policy-admits-ports",
        Files(kubernetes=_ALL + _admits("[]", 9999)),
        Files(kubernetes=_ALL + _admits("[]", 8080)),
    ),
    Case(
        "policy-peer-exists",
        Files(kubernetes=deployment() + _admits("[{podSelector: {matchLabels: {app: absent}}}]")),
        Files(kubernetes=deployment() + _admits("[{podSelector: {matchLabels: {app: web}}}]")),
    ),
    Case(
        "policy-admits-monitoring",
        Files(kubernetes=deployment() + _admits(_ONE)),
        Files(
            kubernetes=deployment()
            + _admits(
                "[{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]"
            )
        ),
    ),
    Case(
        "service-port-enforced",
        Files(kubernetes=_ALL + _admits("[]")),
        Files(
            kubernetes=deployment()
            + service("{port: 80, targetPort: http}, {port: 8080, targetPort: 8080}")
            + _admits("[]")
        ),
    ),
    Case(
        "monitoring-namespace-declared",
        Files(
            kubernetes=_namespace() + deployment(),
            monitoring="{apiVersion: v1, kind: Service, metadata: {name: a, namespace: watch}}\n",
        ),
        Files(
            kubernetes=_namespace() + deployment(),
            monitoring="{apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop}}\n",
        ),
    ),
    Case(
        "budget-leaves-eviction",
        Files(kubernetes=deployment() + budget("minAvailable: 3")),
        Files(kubernetes=deployment() + budget("minAvailable: 60%")),
    ),
    Case(
        "budget-single",
        Files(kubernetes=deployment() + budget() + budget(name="second")),
        Files(kubernetes=deployment() + budget()),
    ),
    Case(
        "budget-for-replicated",
        Files(kubernetes=_ALL + ingress()),
        Files(kubernetes=_ALL + ingress() + budget()),
    ),
    Case(
        "replicas-spread-zones",
        Files(kubernetes=deployment() + budget()),
        Files(kubernetes=deployment(pod=_SPREAD) + budget()),
    ),
    Case(
        "tolerations-short",
        Files(kubernetes=deployment() + budget()),
        Files(kubernetes=deployment(pod=_TOLERATES) + budget()),
    ),
    Case(
        "deregistration-fits-grace",
        Files(kubernetes=_ALL + ingress()),
        Files(
            kubernetes=_ALL
            + ingress(f"{{alb.ingress.kubernetes.io/target-group-attributes: {_DELAY}}}")
        ),
    ),
    Case(
        "grace-outlasts-prestop",
        Files(
            kubernetes=deployment(pod="terminationGracePeriodSeconds: 20", container=_WAITS)
            + service()
            + ingress()
        ),
        Files(
            kubernetes=deployment(pod="terminationGracePeriodSeconds: 60", container=_WAITS)
            + service()
            + ingress()
        ),
    ),
    Case(
        "readiness-gate-injected",
        Files(kubernetes=_namespace() + _SERVED),
        Files(
            kubernetes=_namespace("{elbv2.k8s.aws/pod-readiness-gate-inject: enabled}") + _SERVED
        ),
    ),
    Case(
        "probe-spares-failover",
        Files(kubernetes=deployment(container=_PROBE.format(seconds=5)) + service() + ingress()),
        Files(kubernetes=deployment(container=_PROBE.format(seconds=30)) + service() + ingress()),
    ),
    Case(
        "lookups-short",
        Files(kubernetes=_ALL + ingress()),
        Files(
            kubernetes=deployment(pod='dnsConfig: {options: [{name: ndots, value: "2"}]}')
            + service()
            + ingress()
        ),
    ),
    Case(
        "node-selector-served",
        Files(_NODES, deployment(pod=_SELECTS.format(role="other"))),
        Files(_NODES, deployment(pod=_SELECTS.format(role="web"))),
    ),
    Case(
        "autoscaler-has-requests",
        Files(kubernetes=deployment() + scaler()),
        Files(kubernetes=_asking("500m") + scaler()),
    ),
    Case(
        "autoscaler-room",
        Files(kubernetes=deployment() + scaler(4, 4)),
        Files(kubernetes=deployment() + scaler()),
    ),
    Case(
        "quota-admits-maximum",
        Files(kubernetes=_asking("500m") + scaler(2, 10) + _quota(4)),
        Files(kubernetes=_asking("500m") + scaler(2, 8) + _quota(4)),
    ),
    Case(
        "limit-range-admits",
        Files(kubernetes=deployment(container="resources: {limits: {cpu: 2}}") + _LIMITS),
        Files(kubernetes=deployment(container="resources: {limits: {cpu: 500m}}") + _LIMITS),
    ),
    Case(
        "nodes-hold-maximum",
        Files(_NODES, _asking("1") + scaler(2, 6)),
        Files(_NODES, _asking("1") + scaler(2, 3)),
    ),
    Case(
        "volume-shared-by-mode",
        Files(kubernetes=_claim("ReadWriteOnce")),
        Files(kubernetes=_claim("ReadWriteMany")),
    ),
    Case(
        "storage-class-declared",
        Files(kubernetes=_claim("ReadWriteMany")),
        Files(kubernetes=_claim("ReadWriteMany") + _class()),
    ),
    Case(
        "storage-class-binds-late",
        Files(kubernetes=_class("Immediate")),
        Files(kubernetes=_class()),
    ),
    Case(
        "ingress-tls-policy",
        Files(kubernetes=ingress(f"{{{_HTTPS}}}")),
        Files(
            kubernetes=ingress(
                f"{{{_HTTPS}, alb.ingress.kubernetes.io/ssl-policy: "
                "ELBSecurityPolicy-TLS13-1-2-2021-06}"
            )
        ),
    ),
    Case(
        "ingress-redirects",
        Files(kubernetes=ingress(f"{{{_HTTPS}}}")),
        Files(kubernetes=ingress(f'{{{_HTTPS}, alb.ingress.kubernetes.io/ssl-redirect: "443"}}')),
    ),
    Case(
        "budget-survives-zone",
        Files(_ZONES, deployment(replicas=4) + budget("minAvailable: 3")),
        Files(_ZONES, deployment(replicas=5) + budget("minAvailable: 3")),
    ),
    Case(
        "driver-for-volumes",
        Files(_ZONES, _class()),
        Files(resource("aws_eks_addon", 'addon_name = "aws-ebs-csi-driver"'), _class()),
    ),
    Case(
        "listener-redirects",
        Files(_listener("HTTP", 'default_action {\n  type = "forward"\n}')),
        Files(
            _listener(
                "HTTP",
                'default_action {\n  type = "redirect"\n'
                '  redirect {\n    protocol = "HTTPS"\n  }\n}',
            )
        ),
    ),
    Case(
        "listener-tls-policy",
        Files(_listener("HTTPS", "")),
        Files(_listener("HTTPS", 'ssl_policy = "ELBSecurityPolicy-TLS13-1-2-2021-06"')),
    ),
    Case(
        "target-group-drains-in-grace",
        Files(resource("aws_lb_target_group", 'target_type = "ip"'), _BOUND),
        Files(resource("aws_lb_target_group", "deregistration_delay = 20"), _BOUND),
    ),
    Case(
        "target-group-by-address",
        Files(resource("aws_lb_target_group", "port = 80"), _BOUND),
        Files(resource("aws_lb_target_group", 'target_type = "ip"'), _BOUND),
    ),
    Case(
        "health-path-served",
        Files(
            kubernetes=_HEALTHY + ingress("{alb.ingress.kubernetes.io/healthcheck-path: /other}")
        ),
        Files(kubernetes=_HEALTHY + ingress("{alb.ingress.kubernetes.io/healthcheck-path: /up}")),
    ),
    Case(
        "external-secret-source-exists",
        Files(_ZONES, _EXTERNAL),
        Files(resource("aws_secretsmanager_secret", 'name = "shop/password"'), _EXTERNAL),
    ),
)
