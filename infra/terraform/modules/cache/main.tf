# Redis: a primary and two replicas in three zones, TLS and AUTH, failover by ElastiCache.
# Replication is asynchronous and there is no append-only file: what must survive belongs in the
# database.

resource "aws_kms_key" "main" {
  description             = "KMS key for Smart Dairy Redis encryption"
  deletion_window_in_days = 30
  enable_key_rotation     = true

  tags = { Name = "smart-dairy-redis-kms" }
}

resource "aws_kms_alias" "main" {
  name          = "alias/smart-dairy-redis"
  target_key_id = aws_kms_key.main.key_id
}

resource "aws_elasticache_subnet_group" "main" {
  name        = "${var.name}-redis-subnet"
  description = "Private subnets of three zones"
  subnet_ids  = var.subnet_ids

  tags = { Name = "${var.name}-redis-subnet-group" }
}

resource "aws_elasticache_parameter_group" "main" {
  name        = "${var.name}-redis7"
  family      = "redis7"
  description = "Parameters of the Smart Dairy production cache"

  parameter {
    name  = "maxmemory-policy"
    value = "allkeys-lru"
  }

  parameter {
    name  = "notify-keyspace-events"
    value = "Ex"
  }

  tags = { Name = "${var.name}-redis7-params" }
}

# A cache only answers, so the group has no egress rule. Replication stays inside ElastiCache.
resource "aws_security_group" "main" {
  name        = "smart-dairy-redis"
  description = "Security group for ElastiCache Redis"
  vpc_id      = var.vpc_id

  tags = { Name = "smart-dairy-redis-sg" }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  security_group_id            = aws_security_group.main.id
  description                  = "Redis from EKS nodes"
  referenced_security_group_id = var.client_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
}

resource "aws_elasticache_replication_group" "main" {
  replication_group_id = "${var.name}-redis"
  description          = "Smart Dairy production Redis"

  engine             = "redis"
  engine_version     = var.engine_version
  node_type          = var.node_type
  num_cache_clusters = var.node_count
  port               = 6379

  subnet_group_name    = aws_elasticache_subnet_group.main.name
  security_group_ids   = [aws_security_group.main.id]
  parameter_group_name = aws_elasticache_parameter_group.main.name

  automatic_failover_enabled = true
  multi_az_enabled           = true

  at_rest_encryption_enabled = true
  transit_encryption_enabled = true
  kms_key_id                 = aws_kms_key.main.arn
  auth_token                 = var.auth_token

  # UTC: Saturday 03:00 to 05:00 in Dhaka, snapshots from 01:00.
  maintenance_window         = "fri:21:00-fri:23:00"
  snapshot_window            = "19:00-20:00"
  snapshot_retention_limit   = 7
  final_snapshot_identifier  = var.keep_final_snapshot ? "${var.name}-redis-final-${var.generation}" : null
  auto_minor_version_upgrade = "true"

  dynamic "log_delivery_configuration" {
    for_each = var.log_group_names

    content {
      destination      = log_delivery_configuration.value
      destination_type = "cloudwatch-logs"
      log_format       = "json"
      log_type         = log_delivery_configuration.key
    }
  }

  tags = { Name = "${var.name}-redis" }
}

resource "aws_secretsmanager_secret" "auth_token" {
  name                    = "smart-dairy/prod/redis"
  description             = "AUTH token of the production cache"
  kms_key_id              = aws_kms_key.main.arn
  recovery_window_in_days = var.secret_recovery_days

  tags = { Name = "${var.name}-redis" }
}

resource "aws_secretsmanager_secret_version" "auth_token" {
  secret_id = aws_secretsmanager_secret.auth_token.id

  secret_string = jsonencode({
    host       = aws_elasticache_replication_group.main.primary_endpoint_address
    port       = "6379"
    auth_token = var.auth_token
  })
}
