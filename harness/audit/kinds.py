"""Terraform types that rules read, and those that hold nothing to judge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.audit.resource import NotJudged, Resource

READ = frozenset(
    """
    aws_acm_certificate aws_acm_certificate_validation aws_cloudfront_cache_policy
    aws_cloudfront_distribution aws_cloudfront_origin_access_identity
    aws_cloudfront_origin_request_policy aws_cloudfront_response_headers_policy
    aws_cloudwatch_log_group aws_cloudwatch_log_resource_policy aws_db_instance
    aws_db_parameter_group aws_db_proxy aws_db_subnet_group aws_dynamodb_table
    aws_ecr_repository aws_eks_access_entry aws_eks_addon aws_eks_cluster aws_eks_node_group
    aws_eks_pod_identity_association aws_elasticache_replication_group
    aws_elasticache_subnet_group aws_iam_policy aws_iam_role aws_iam_role_policy aws_kms_key
    aws_kms_key_policy aws_launch_template aws_lb aws_lb_listener aws_lb_target_group
    aws_rds_cluster aws_rds_cluster_instance aws_rds_cluster_parameter_group aws_route53_record
    aws_route53_zone aws_s3_bucket aws_s3_bucket_cors_configuration
    aws_s3_bucket_lifecycle_configuration aws_s3_bucket_policy aws_s3_bucket_public_access_block
    aws_s3_bucket_server_side_encryption_configuration aws_s3_bucket_versioning
    aws_secretsmanager_secret aws_security_group aws_security_group_rule aws_subnet
    aws_vpc_endpoint aws_vpc_security_group_egress_rule aws_vpc_security_group_ingress_rule
    helm_release kubernetes_config_map kubernetes_config_map_v1_data
    """.split()
)
# Their arguments are read through the types above, or carry no promise of the document.
PLAIN = frozenset(
    """
    aws_cloudfront_origin_access_control aws_db_option_group aws_default_security_group
    aws_ecr_lifecycle_policy aws_eip aws_eks_access_policy_association
    aws_elasticache_parameter_group aws_flow_log aws_iam_openid_connect_provider
    aws_iam_role_policy_attachment aws_internet_gateway aws_kms_alias aws_lb_listener_rule
    aws_nat_gateway aws_route aws_route_table aws_route_table_association
    aws_s3_bucket_ownership_controls aws_secretsmanager_secret_version aws_vpc
    """.split()
)


def not_judged(resources: Iterable[Resource]) -> Iterator[NotJudged]:
    """Return the resources whose type no rule reads, once for each type."""
    seen: set[str] = set()
    for resource in resources:
        kind = resource.kind
        if kind.startswith(("@", "data.")) or kind in READ | PLAIN or kind in seen:
            continue
        seen.add(kind)
        yield NotJudged(resource.address, f"no rule reads the type {kind}", resource.place)
