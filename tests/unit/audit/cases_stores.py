"""Examples for the rules on databases, caches, buckets and keys."""

from __future__ import annotations

from tests.unit.audit.inputs import Case, Files


def resource(kind: str, body: str, name: str = "main") -> str:
    """Return one resource block."""
    return f'resource "{kind}" "{name}" {{\n{body}\n}}\n'


def template(kind: str, body: str, name: str = "main") -> str:
    """Return one resource block for ``str.format``; the body doubles its own braces."""
    return f'resource "{kind}" "{name}" {{{{\n{body}\n}}}}\n'


def _field(rule: str, kind: str, good: str, base: str = "") -> Case:
    """Return a case whose failing example lacks the line that the passing one has."""
    return Case(
        rule,
        Files(resource(kind, base)),
        Files(resource(kind, f"{base}\n{good}")),
    )


_BUCKET = resource("aws_s3_bucket", 'bucket = "data"')
_VERSIONED = _BUCKET + resource(
    "aws_s3_bucket_versioning",
    'bucket = aws_s3_bucket.main.id\nversioning_configuration {\n  status = "Enabled"\n}',
)
_BLOCK = resource(
    "aws_s3_bucket_public_access_block",
    "bucket = aws_s3_bucket.main.id\nblock_public_acls = true\nblock_public_policy = true\n"
    "ignore_public_acls = true\nrestrict_public_buckets = true",
)
_DISK = "block_device_mappings {{\n  ebs {{\n    volume_size = 1\n    {more}\n  }}\n}}"
_CACHE = "aws_elasticache_replication_group"
_DB = "aws_db_instance"
_REPLICA = 'replicate_source_db = aws_db_instance.main.identifier\ninstance_class = "{}"'


def _parameters(*blocks: str) -> str:
    body = "\n".join(f"parameter {{\n{block}\n}}" for block in blocks)
    return resource("aws_db_parameter_group", f'name = "group"\n{body}') + resource(
        _DB,
        'engine = "postgres"\ninstance_class = "db.r6i.2xlarge"\nparameter_group_name = '
        "aws_db_parameter_group.main.name",
    )


def _parameter(name: str, value: str, more: str = "") -> str:
    return f'name = "{name}"\nvalue = "{value}"\n{more}'


_POOL = """
apiVersion: v1
kind: ConfigMap
metadata: {{name: settings, namespace: shop}}
data: {{DB_POOL_SIZE: "{size}"}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: shop}}
spec:
  replicas: 10
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers:
        - name: web
          envFrom: [{{configMapRef: {{name: settings}}}}]
"""
_LIMIT = _parameters(_parameter("max_connections", "100", 'apply_method = "pending-reboot"'))
_GROUP = """
resource "aws_security_group" "main" {{
  {egress}
}}
resource "aws_db_instance" "main" {{
  vpc_security_group_ids = [aws_security_group.main.id]
}}
"""


def _allows(action: str, target: str) -> str:
    statement = f'{{ Effect = "Allow", Action = {action}, Resource = {target} }}'
    return resource("aws_iam_policy", f"policy = jsonencode({{ Statement = [{statement}] }})")


CASES = (
    Case(
        "database-failover-in-bound",
        Files(resource(_DB, 'engine = "postgres"\nmulti_az = true')),
        Files(
            resource(
                "aws_rds_cluster",
                'engine = "postgres"\ndb_cluster_instance_class = "db.r6gd.2xlarge"',
            )
        ),
    ),
    Case(
        "database-version-supported",
        Files(resource(_DB, 'engine = "postgres"\nengine_version = "16.1"')),
        Files(resource(_DB, 'engine = "postgres"\nengine_version = "16.11"')),
    ),
    Case(
        "database-minor-upgrade-chosen",
        Files(resource(_DB, 'engine_version = "16.11"')),
        Files(resource(_DB, 'engine_version = "16.11"\nauto_minor_version_upgrade = false')),
    ),
    Case(
        "database-replica-fits",
        Files(
            resource(_DB, 'identifier = "a"\ninstance_class = "db.r6i.2xlarge"')
            + resource(_DB, _REPLICA.format("db.r6i.xlarge"), "replica")
        ),
        Files(
            resource(_DB, 'identifier = "a"\ninstance_class = "db.r6i.2xlarge"')
            + resource(_DB, _REPLICA.format("db.r6i.2xlarge"), "replica")
        ),
    ),
    _field(
        "database-replica-destroyable",
        _DB,
        "skip_final_snapshot = true",
        'replicate_source_db = "other"',
    ),
    Case(
        "database-log-groups-declared",
        Files(resource(_DB, 'identifier = "a"\nenabled_cloudwatch_logs_exports = ["postgresql"]')),
        Files(
            resource(_DB, 'identifier = "a"\nenabled_cloudwatch_logs_exports = ["postgresql"]')
            + resource("aws_cloudwatch_log_group", 'name = "/aws/rds/instance/a/postgresql"')
        ),
    ),
    Case(
        "database-windows-apart",
        Files(
            resource(
                _DB, 'backup_window = "03:00-04:00"\nmaintenance_window = "sun:03:30-sun:05:00"'
            )
        ),
        Files(
            resource(
                _DB, 'backup_window = "23:00-01:00"\nmaintenance_window = "sun:01:00-sun:02:00"'
            )
        ),
    ),
    Case(
        "database-retention-in-bound",
        Files(resource(_DB, "backup_retention_period = 1")),
        Files(resource(_DB, "backup_retention_period = 30")),
    ),
    _field("database-deletion-protected", _DB, "deletion_protection = true"),
    _field("database-password-managed", _DB, "manage_master_user_password = true"),
    _field("database-logs-exported", _DB, 'enabled_cloudwatch_logs_exports = ["postgresql"]'),
    Case(
        "parameter-apply-method",
        Files(_parameters(_parameter("max_connections", "500"))),
        Files(_parameters(_parameter("max_connections", "500", 'apply_method = "pending-reboot"'))),
    ),
    Case(
        "parameter-memory-fits",
        Files(_parameters(_parameter("work_mem", "256000"), _parameter("max_connections", "500"))),
        Files(_parameters(_parameter("work_mem", "32768"), _parameter("max_connections", "500"))),
    ),
    Case(
        "parameter-as-commented",
        Files(_parameters('name = "effective_cache_size"\nvalue = "12582912" # 12GB\n')),
        Files(_parameters('name = "effective_cache_size"\nvalue = "1572864" # 12GB\n')),
    ),
    Case(
        "parameter-tls-forced",
        Files(_parameters(_parameter("log_statement", "ddl"))),
        Files(_parameters(_parameter("rds.force_ssl", "1"))),
    ),
    Case(
        "pool-fits-connections",
        Files(_LIMIT, _POOL.format(size=20)),
        Files(_LIMIT, _POOL.format(size=4)),
    ),
    Case("bucket-public-access-blocked", Files(_BUCKET), Files(_BUCKET + _BLOCK)),
    Case(
        "bucket-encrypted",
        Files(_BUCKET),
        Files(
            _BUCKET
            + resource(
                "aws_s3_bucket_server_side_encryption_configuration",
                "bucket = aws_s3_bucket.main.id",
            )
        ),
    ),
    Case(
        "bucket-versions-expire",
        Files(_VERSIONED),
        Files(
            _VERSIONED
            + resource(
                "aws_s3_bucket_lifecycle_configuration",
                "bucket = aws_s3_bucket.main.id\nrule {\n  filter {}\n"
                "  noncurrent_version_expiration {\n    noncurrent_days = 30\n  }\n}",
            )
        ),
    ),
    Case(
        "bucket-lifecycle-filter",
        Files(resource("aws_s3_bucket_lifecycle_configuration", 'rule {\n  id = "a"\n}')),
        Files(resource("aws_s3_bucket_lifecycle_configuration", "rule {\n  filter {}\n}")),
    ),
    Case(
        "bucket-tls-only",
        Files(_BUCKET),
        Files(
            _BUCKET
            + resource(
                "aws_s3_bucket_policy",
                "bucket = aws_s3_bucket.main.id\npolicy = jsonencode({ Statement = [{ Condition = "
                '{ Bool = { "aws:SecureTransport" = "false" } }, '
                "Resource = aws_s3_bucket.main.arn }] })",
            )
        ),
    ),
    Case(
        "cache-version-current",
        Files(resource(_CACHE, 'engine = "redis"\nengine_version = "7.0"')),
        Files(resource(_CACHE, 'engine = "redis"\nengine_version = "7.1"')),
    ),
    Case(
        "cache-log-delivery-allowed",
        Files(
            resource(
                _CACHE, 'log_delivery_configuration {\n  destination_type = "cloudwatch-logs"\n}'
            )
        ),
        Files(
            resource(
                _CACHE, 'log_delivery_configuration {\n  destination_type = "cloudwatch-logs"\n}'
            )
            + resource("aws_cloudwatch_log_resource_policy", 'policy_name = "a"')
        ),
    ),
    _field("log-group-retention", "aws_cloudwatch_log_group", "retention_in_days = 30"),
    Case(
        "store-egress-closed",
        Files(
            _GROUP.format(egress='egress {\n  protocol = "-1"\n  cidr_blocks = ["0.0.0.0/0"]\n}')
        ),
        Files(_GROUP.format(egress="")),
    ),
    _field("store-encrypted", _DB, "storage_encrypted = true"),
    _field("cache-encrypted-at-rest", _CACHE, "at_rest_encryption_enabled = true"),
    _field("cache-encrypted-in-transit", _CACHE, "transit_encryption_enabled = true"),
    _field("cache-authenticated", _CACHE, "auth_token = var.token"),
    _field("cache-fails-over", _CACHE, "automatic_failover_enabled = true"),
    _field("cache-multi-zone", _CACHE, "multi_az_enabled = true"),
    _field("cache-final-snapshot", _CACHE, 'final_snapshot_identifier = "last"'),
    _field("key-rotates", "aws_kms_key", "enable_key_rotation = true"),
    Case(
        "store-ingress-closed",
        Files(_GROUP.format(egress='ingress {\n  cidr_blocks = ["0.0.0.0/0"]\n}')),
        Files(_GROUP.format(egress='ingress {\n  cidr_blocks = ["10.0.0.0/16"]\n}')),
    ),
    Case(
        "node-volumes-encrypted",
        Files(resource("aws_launch_template", _DISK.format(more=""))),
        Files(resource("aws_launch_template", _DISK.format(more="encrypted = true"))),
    ),
    Case(
        "store-not-public",
        Files(resource(_DB, "publicly_accessible = true")),
        Files(resource(_DB, "publicly_accessible = false")),
    ),
    Case(
        "iam-not-everything",
        Files(_allows('"*"', '"*"')),
        Files(_allows('["s3:GetObject"]', "aws_s3_bucket.main.arn")),
    ),
    Case(
        "node-metadata-limited",
        Files(resource("aws_launch_template", 'name = "a"')),
        Files(
            resource(
                "aws_launch_template",
                "metadata_options {\n  http_put_response_hop_limit = 1\n}",
            )
        ),
    ),
    Case(
        "bucket-versioning-on",
        Files(
            resource(
                "aws_s3_bucket_versioning",
                'versioning_configuration {\n  status = "Suspended"\n}',
            )
        ),
        Files(_VERSIONED),
    ),
)
