"""Examples for the rules on the Terraform language, the cluster and the edge."""

from __future__ import annotations

from tests.unit.audit.cases_stores import resource, template
from tests.unit.audit.inputs import Case, Files

_S3 = (
    'terraform {{\n  backend "s3" {{\n    bucket = "state"\n    encrypt = true\n'
    "    {lock}\n  }}\n}}\n"
)
_CLUSTER = template(
    "aws_eks_cluster",
    "{version}\nvpc_config {{\n  endpoint_public_access = true\n  {cidrs}\n}}\n{more}",
)
_PLAIN = _CLUSTER.format(version="", cidrs="", more="")
_POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress]}
"""
_INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  ingressClassName: alb
  rules: [{host: app.example.org}]
"""
_SCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec:
  scaleTargetRef: {kind: Deployment, name: web}
  maxReplicas: 3
  metrics: [{type: Resource, resource: {name: cpu}}]
"""
_EXTERNAL = """
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: password, namespace: shop}
spec: {}
"""
_IMAGE = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      containers: [{name: web, image: "${ECR_REGISTRY}/web:1"}]
"""
_SUBNETS = resource(
    "aws_subnet",
    'count = 3\ncidr_block = cidrsubnet("10.0.0.0/16", 8, count.index)\n'
    'availability_zone = ["a", "b", "c"][count.index]',
)
_GROUP = template(
    "aws_eks_node_group",
    "subnet_ids = aws_subnet.main[*].id\nscaling_config {{\n  min_size = {least}\n"
    "  max_size = {most}\n}}",
)
_ADDON = template("aws_eks_addon", 'addon_name = "{name}"\n{more}')
_CDN = template(
    "aws_cloudfront_distribution",
    """
  aliases             = ["cdn.example.org"]
  is_ipv6_enabled     = true
  default_root_object = "index.html"
  origin {{
    domain_name = "files.s3.amazonaws.com"
    origin_id   = "files"
    {files}
  }}
  origin {{
    domain_name = {origin}
    origin_id   = "api"
    custom_origin_config {{
      origin_protocol_policy = "https-only"
    }}
  }}
  default_cache_behavior {{
    target_origin_id = "files"
    {default}
  }}
  ordered_cache_behavior {{
    path_pattern     = "/api/*"
    target_origin_id = "api"
    {api}
  }}
  {more}
""",
)


def _nodes(least: int, most: int) -> str:
    return _SUBNETS + _GROUP.format(least=least, most=most)


def _cdn(**given: str) -> str:
    values = {
        "origin": '"api.example.org"',
        "default": "",
        "files": "",
        "api": "",
        "more": "",
        **given,
    }
    return _CDN.format(**values)


_CERTIFICATE = resource(
    "aws_acm_certificate",
    'domain_name = "example.org"\nsubject_alternative_names = ["*.example.org"]',
)
_LB = resource("aws_lb", 'name = "main"')
_RECORD = template("aws_route53_record", 'name = "{name}"\ntype = "{type}"', "{type}")
_POLICIES = 'response_headers_policy_id = "a"\ncache_policy_id = "b"'

CASES = (
    Case(
        "terraform-name-declared",
        Files('output "a" {\n  value = var.missing\n}'),
        Files('variable "there" {}\noutput "a" {\n  value = var.there\n}'),
    ),
    Case(
        "terraform-value-settles",
        Files(resource("aws_db_instance", 'final_snapshot_identifier = "a-${timestamp()}"')),
        Files(resource("aws_db_instance", 'final_snapshot_identifier = "a"')),
    ),
    Case(
        "terraform-provider-configured",
        Files(
            'terraform {\n  required_providers {\n    helm = { source = "hashicorp/helm" }\n  }\n}'
        ),
        Files(
            'terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws" }\n  }\n}'
        ),
    ),
    Case(
        "terraform-state-kept",
        Files(_S3.format(lock='dynamodb_table = "lock"')),
        Files(_S3.format(lock="use_lockfile = true")),
    ),
    Case(
        "terraform-state-exists",
        Files(_S3.format(lock="")),
        Files(_S3.format(lock="") + resource("aws_s3_bucket", 'bucket = "state"')),
    ),
    Case(
        "terraform-addon-pinned",
        Files(_ADDON.format(name="coredns", more="most_recent = true")),
        Files(_ADDON.format(name="coredns", more='addon_version = "v1"')),
    ),
    Case(
        "terraform-version-locks",
        Files('terraform {\n  required_version = ">= 1.6.0"\n  backend "s3" {}\n}'),
        Files('terraform {\n  required_version = "~> 1.10"\n  backend "s3" {}\n}'),
    ),
    Case(
        "terraform-provider-current",
        Files(
            "terraform {\n  required_providers {\n    aws = {\n"
            '      source = "hashicorp/aws"\n      version = "~> 5.30"\n    }\n  }\n}'
        ),
        Files(
            "terraform {\n  required_providers {\n    aws = {\n"
            '      source = "hashicorp/aws"\n      version = ">= 5.0, < 7.0"\n    }\n  }\n}'
        ),
    ),
    Case(
        "terraform-subnet-group-used",
        Files(resource("aws_db_subnet_group", 'name = "a"')),
        Files(
            resource("aws_db_subnet_group", 'name = "a"')
            + resource("aws_db_instance", "db_subnet_group_name = aws_db_subnet_group.main.name")
        ),
    ),
    Case(
        "provider-tags-everywhere",
        Files(
            'provider "aws" {\n  default_tags {\n    tags = {}\n  }\n}\n'
            'provider "aws" {\n  alias = "other"\n}'
        ),
        Files('provider "aws" {\n  default_tags {\n    tags = {}\n  }\n}'),
    ),
    Case(
        "destroy-guard-switchable",
        Files(resource("aws_db_instance", "lifecycle {\n  prevent_destroy = true\n}")),
        Files(resource("aws_db_instance", "deletion_protection = true")),
    ),
    Case(
        "placeholder-filled",
        Files('variable "a" {}', _IMAGE),
        Files('output "ecr_registry" {\n  value = "a"\n}', _IMAGE),
    ),
    Case(
        "cluster-version-supported",
        Files(_CLUSTER.format(version='version = "1.29"', cidrs="", more="")),
        Files(_CLUSTER.format(version='version = "1.34"', cidrs="", more="")),
    ),
    Case(
        "cluster-version-standard",
        Files(_CLUSTER.format(version='version = "1.33"', cidrs="", more="")),
        Files(_CLUSTER.format(version='version = "1.34"', cidrs="", more="")),
    ),
    Case(
        "cluster-endpoint-closed",
        Files(_PLAIN),
        Files(_CLUSTER.format(version="", cidrs='public_access_cidrs = ["192.0.2.0/24"]', more="")),
    ),
    Case(
        "cluster-access-limited",
        Files(resource("aws_eks_access_entry", 'kubernetes_groups = ["system:masters"]')),
        Files(resource("aws_eks_access_entry", 'kubernetes_groups = ["viewers"]')),
    ),
    Case(
        "cluster-secrets-encrypted",
        Files(_PLAIN),
        Files(
            _CLUSTER.format(
                version="", cidrs="", more='encryption_config {\n  resources = ["secrets"]\n}'
            )
        ),
    ),
    Case(
        "policies-enforced",
        Files(_PLAIN + _ADDON.format(name="vpc-cni", more=""), _POLICY),
        Files(
            _PLAIN
            + _ADDON.format(
                name="vpc-cni",
                more='configuration_values = jsonencode({ enableNetworkPolicy = "true" })',
            ),
            _POLICY,
        ),
    ),
    Case(
        "controller-for-ingress",
        Files(_PLAIN, _INGRESS),
        Files(
            resource("aws_iam_role", 'name = "aws-load-balancer-controller"'),
            _INGRESS,
        ),
    ),
    Case(
        "metrics-for-autoscaler",
        Files(_PLAIN, _SCALER),
        Files(_ADDON.format(name="metrics-server", more=""), _SCALER),
    ),
    Case(
        "operator-for-external-secrets",
        Files(_PLAIN, _EXTERNAL),
        Files(resource("helm_release", 'chart = "external-secrets"'), _EXTERNAL),
    ),
    Case(
        "autoscaler-for-nodes",
        Files(_nodes(3, 9)),
        Files(_nodes(3, 9) + resource("aws_iam_role", 'name = "cluster-autoscaler"')),
    ),
    Case(
        "nodes-cover-zones",
        Files(_nodes(2, 2)),
        Files(_nodes(3, 3)),
    ),
    Case(
        "dns-not-throttled",
        Files(
            _ADDON.format(
                name="coredns",
                more="configuration_values = jsonencode({ resources = { limits = "
                '{ cpu = "100m" } } })',
            )
        ),
        Files(
            _ADDON.format(
                name="coredns",
                more="configuration_values = jsonencode({ resources = { limits = "
                '{ memory = "256Mi" } } })',
            )
        ),
    ),
    Case(
        "pod-addresses-suffice",
        Files(
            _nodes(3, 21)
            + _ADDON.format(
                name="vpc-cni",
                more="configuration_values = jsonencode({ env = "
                '{ ENABLE_PREFIX_DELEGATION = "true" } })',
            ).replace('"main"', '"cni"')
        ),
        Files(
            _nodes(3, 12)
            + _ADDON.format(
                name="vpc-cni",
                more="configuration_values = jsonencode({ env = "
                '{ ENABLE_PREFIX_DELEGATION = "true" } })',
            ).replace('"main"', '"cni"')
        ),
    ),
    Case(
        "image-repository-declared",
        Files(_PLAIN, _IMAGE),
        Files(resource("aws_ecr_repository", 'name = "web"'), _IMAGE),
    ),
    Case(
        "cdn-errors-reach-client",
        Files(_cdn(more="custom_error_response {\n  error_code = 403\n  response_code = 200\n}")),
        Files(_cdn()),
    ),
    Case(
        "cdn-origin-covered",
        Files(_LB + _CERTIFICATE + _cdn(origin="aws_lb.main.dns_name")),
        Files(_CERTIFICATE + _cdn()),
    ),
    Case(
        "cdn-host-known",
        Files(_cdn(origin='"origin.example.org"'), _INGRESS),
        Files(
            _cdn(
                origin='"origin.example.org"',
                api='origin_request_policy_id = "216adef6-5c7f-47e4-b989-5492eafa07d3"',
            ),
            _INGRESS,
        ),
    ),
    Case(
        "cdn-policies-current",
        Files(_cdn(default="forwarded_values {\n  query_string = false\n}")),
        Files(_cdn(default=_POLICIES, api=_POLICIES)),
    ),
    Case("cdn-security-headers", Files(_cdn()), Files(_cdn(default=_POLICIES, api=_POLICIES))),
    Case(
        "cdn-page-fresh",
        Files(_cdn(default="default_ttl = 86400")),
        Files(_cdn(default="default_ttl = 60")),
    ),
    Case(
        "cdn-certificate-validated",
        Files(_CERTIFICATE),
        Files(
            _CERTIFICATE
            + resource(
                "aws_acm_certificate_validation", "certificate_arn = aws_acm_certificate.main.arn"
            )
        ),
    ),
    Case(
        "certificate-records-own",
        Files(resource("aws_route53_record", 'name = "a"\nallow_overwrite = true')),
        Files(resource("aws_route53_record", 'name = "a"')),
    ),
    Case(
        "cdn-names-resolve",
        Files(_cdn() + _RECORD.format(name="cdn.example.org", type="A")),
        Files(
            _cdn()
            + _RECORD.format(name="cdn.example.org", type="A")
            + _RECORD.format(name="cdn.example.org", type="AAAA")
        ),
    ),
    Case(
        "ingress-host-resolves",
        Files(_PLAIN, _INGRESS),
        Files(_RECORD.format(name="app.example.org", type="A"), _INGRESS),
    ),
    Case(
        "ingress-host-certified",
        Files(resource("aws_acm_certificate", 'domain_name = "example.org"'), _INGRESS),
        Files(_CERTIFICATE, _INGRESS),
    ),
    Case(
        "zone-declared",
        Files('data "aws_route53_zone" "main" {\n  name = "example.org"\n}'),
        Files(
            'data "aws_route53_zone" "main" {\n  name = "example.org"\n}\n'
            + resource("aws_route53_zone", 'name = "example.org"')
        ),
    ),
    Case(
        "bucket-cors-works",
        Files(resource("aws_s3_bucket_cors_configuration", 'bucket = "files"') + _cdn()),
        Files(
            resource("aws_s3_bucket_cors_configuration", 'bucket = "files"')
            + _cdn(default='origin_request_policy_id = "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf"')
        ),
    ),
    Case(
        "cdn-protocol-minimum",
        Files(_cdn(more='viewer_certificate {\n  minimum_protocol_version = "TLSv1"\n}')),
        Files(_cdn(more='viewer_certificate {\n  minimum_protocol_version = "TLSv1.2_2021"\n}')),
    ),
    Case(
        "cdn-origin-access-control",
        Files(_cdn()),
        Files(_cdn(files='origin_access_control_id = "a"')),
    ),
)
