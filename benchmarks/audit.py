"""How long an audit takes: of ``infra/``, and of thousands of rendered objects.

Run: ``python -m benchmarks.audit``. Prints one JSON object; the limits are 2 s for ``infra/`` after
its kustomization is rendered (and read once, so that the grammar is in the cache), 10 s for
10,000 objects, and a growth that is linear. ``checkov`` and ``kube-score`` are timed on the same
files where they are on PATH.
"""

from __future__ import annotations

import itertools
import json
import shutil
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from harness import clock, command
from harness.audit.judging import judge
from harness.audit.sources import Sources, defaults, load
from harness.stack.deployment import PRODUCTION, find_kubectl, render
from harness.stack.folders import INFRA

OBJECTS = (2_500, 5_000, 10_000)
INFRA_SECONDS_LIMIT = 2.0
OBJECTS_SECONDS_LIMIT = 10.0
# Twice the objects may take so much more than twice as long before growth is not linear.
GROWTH_LIMIT = 2.6
OTHERS_LIMIT_SECONDS = 600
TODAY = date(2026, 11, 25)
# Others' programs with their arguments: the one reads infra/terraform, the other the render.
OTHERS = {
    "checkov": ("--quiet", "--compact", "--skip-download", "-d"),
    "kube-score": ("score",),
}

_SET = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web-{n}, namespace: shop, labels: {{app: web-{n}}}}}
spec:
  replicas: 3
  selector:
    matchLabels:
      app: web-{n}
  template:
    metadata:
      labels:
        app: web-{n}
    spec:
      serviceAccountName: web-{n}
      terminationGracePeriodSeconds: 60
      containers:
        - name: web
          image: registry.invalid/web:{n}
          ports:
            - name: http
              containerPort: 8080
          envFrom:
            - configMapRef:
                name: web-{n}
          resources:
            requests:
              cpu: 100m
              memory: 128Mi
          readinessProbe:
            httpGet:
              path: /health
              port: http
---
apiVersion: v1
kind: Service
metadata: {{name: web-{n}, namespace: shop}}
spec:
  selector:
    app: web-{n}
  ports:
    - name: http
      port: 80
      targetPort: 8080
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: web-{n}, namespace: shop}}
data: {{LEVEL: info}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: web-{n}, namespace: shop}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: web-{n}, namespace: shop}}
spec:
  minAvailable: 2
  selector:
    matchLabels:
      app: web-{n}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: web-{n}, namespace: shop}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web-{n}}}
  minReplicas: 3
  maxReplicas: 6
  metrics:
    - type: Resource
      resource: {{name: cpu, target: {{type: Utilization, averageUtilization: 70}}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: web-{n}, namespace: shop}}
spec:
  podSelector:
    matchLabels:
      app: web-{n}
  policyTypes: [Ingress]
  ingress:
    - ports:
        - port: 8080
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: web-{n}, namespace: shop}}
spec:
  ingressClassName: alb
  rules:
    - host: web-{n}.example.org
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: web-{n}
                port:
                  number: 80
---
"""
KINDS_OF_SET = 8


def objects(folder: Path, count: int) -> None:
    """Write a folder with so many objects, eight kinds that refer to each other."""
    text = "".join(_SET.format(n=n) for n in range(count // KINDS_OF_SET + 1))
    kept = text.split("---\n")[:count]
    (folder / "objects.yaml").write_text("---\n".join(kept), encoding="utf-8")


def seconds_for(sources: Sources) -> tuple[float, float, int]:
    """Return seconds and processor seconds of reading and judging, and the rules that judged."""
    started, used = clock.monotonic(), time.process_time()
    audit = judge(load(sources, find_kubectl()), TODAY)
    rules = sum(r.judged > 0 for r in audit.results)
    return clock.monotonic() - started, time.process_time() - used, rules


def infra() -> dict[str, object]:
    """Audit ``infra/`` with the production overlay rendered before."""
    found = defaults(INFRA)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rendered.yaml").write_text(render(PRODUCTION), encoding="utf-8")
        sources = Sources(found.terraform, (folder,), found.monitoring, found.pipeline)
        seconds_for(sources)
        seconds, _, rules = seconds_for(sources)
        others = {name: _other(name, folder, "rendered.yaml") for name in OTHERS}
    return {"seconds": round(seconds, 3), "rules_that_judged": rules, "others": others}


def many() -> dict[str, object]:
    """Audit growing numbers of objects and return the times and their ratios."""
    times: dict[int, float] = {}
    # Processor time: what grows, whatever else the host is doing.
    used: dict[int, float] = {}
    for count in OBJECTS:
        with tempfile.TemporaryDirectory() as name:
            objects(Path(name), count)
            runs = [seconds_for(Sources(kubernetes=(Path(name),))) for _ in range(3)]
            times[count], used[count] = min(r[0] for r in runs), min(r[1] for r in runs)
    ratios = [round(used[more] / used[less], 2) for less, more in itertools.pairwise(OBJECTS)]
    return {
        "seconds": {str(count): round(value, 3) for count, value in times.items()},
        "processor_seconds": {str(count): round(value, 3) for count, value in used.items()},
        "ratios": ratios,
        "longest": times[OBJECTS[-1]],
    }


def _other(name: str, folder: Path, file: str) -> str | float:
    program = shutil.which(name)
    if program is None:
        return "not on PATH"
    target = INFRA / "terraform" if name == "checkov" else folder / file
    done = command.run(
        [program, *OTHERS[name], target], limit_seconds=OTHERS_LIMIT_SECONDS, check=False
    )
    return round(done.seconds, 2)


def main() -> int:
    """Measure once and print the result as JSON; 1 when a limit is exceeded."""
    own, grown = infra(), many()
    seconds, longest = float(str(own["seconds"])), float(str(grown.pop("longest")))
    ratios = grown["ratios"]
    assert isinstance(ratios, list)
    within = (
        seconds <= INFRA_SECONDS_LIMIT
        and longest <= OBJECTS_SECONDS_LIMIT
        and max(ratios) <= GROWTH_LIMIT
    )
    result = {
        "infra": {**own, "seconds_limit": INFRA_SECONDS_LIMIT},
        "objects": {**grown, "seconds_limit": OBJECTS_SECONDS_LIMIT, "growth_limit": GROWTH_LIMIT},
        "within_limits": within,
    }
    sys.stdout.write(json.dumps(result, indent=2) + "\n")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
