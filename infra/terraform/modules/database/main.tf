# PostgreSQL as a Multi-AZ DB cluster: a writer and two readable standbys in three zones. The
# provider documents a failover of typically under 35 seconds for it, and 60 to 120 seconds for a
# Multi-AZ instance (infra/CORRECTIONS.md, design decision).

locals {
  kib_of_mib   = 1024
  pages_of_gib = 1024 * 1024 / 8

  # Units are PostgreSQL's: kB for memory of a session, pages of 8 kB for the planner's cache.
  # "pending-reboot" where the parameter is static; the API refuses "immediate" for those.
  parameters = {
    "log_statement"                 = { value = "ddl", method = "immediate" }
    "log_min_duration_statement"    = { value = "1000", method = "immediate" }
    "shared_preload_libraries"      = { value = "pg_stat_statements,auto_explain", method = "pending-reboot" }
    "pg_stat_statements.track"      = { value = "all", method = "immediate" }
    "auto_explain.log_min_duration" = { value = "5000", method = "immediate" }
    "max_connections"               = { value = tostring(var.max_connections), method = "pending-reboot" }
    "work_mem"                      = { value = tostring(var.work_mem_mib * local.kib_of_mib), method = "immediate" }
    "maintenance_work_mem"          = { value = tostring(1024 * local.kib_of_mib), method = "immediate" }
    "effective_cache_size"          = { value = tostring(floor(var.instance.memory_gib / 2) * local.pages_of_gib), method = "immediate" }
    "random_page_cost"              = { value = "1.1", method = "immediate" }
    "rds.force_ssl"                 = { value = "1", method = "pending-reboot" }
  }

  # One sort in every connection, in GiB.
  work_mem_worst_gib = var.work_mem_mib * var.max_connections / 1024
}

resource "aws_kms_key" "main" {
  description             = "KMS key for Smart Dairy RDS encryption"
  deletion_window_in_days = 30
  enable_key_rotation     = true

  tags = { Name = "smart-dairy-rds-kms" }
}

resource "aws_kms_alias" "main" {
  name          = "alias/smart-dairy-rds"
  target_key_id = aws_kms_key.main.key_id
}

resource "aws_db_subnet_group" "main" {
  name        = "${var.name}-db-subnet"
  description = "Database subnets of three zones"
  subnet_ids  = var.subnet_ids

  tags = { Name = "${var.name}-db-subnet-group" }
}

resource "aws_rds_cluster_parameter_group" "main" {
  name        = "${var.name}-postgres${var.engine_version}"
  family      = "postgres${var.engine_version}"
  description = "Parameters of the Smart Dairy production database"

  dynamic "parameter" {
    for_each = local.parameters

    content {
      name         = parameter.key
      value        = parameter.value.value
      apply_method = parameter.value.method
    }
  }

  tags = { Name = "${var.name}-postgres${var.engine_version}-params" }

  lifecycle {
    create_before_destroy = true
  }
}

# A database only answers, so the group has no egress rule.
resource "aws_security_group" "main" {
  name        = "smart-dairy-rds"
  description = "Security group for RDS PostgreSQL"
  vpc_id      = var.vpc_id

  tags = { Name = "smart-dairy-rds-sg" }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  security_group_id            = aws_security_group.main.id
  description                  = "PostgreSQL from EKS nodes"
  referenced_security_group_id = var.client_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_rds_cluster" "primary" {
  cluster_identifier = var.identifier

  engine                    = "postgres"
  engine_version            = var.engine_version
  db_cluster_instance_class = var.instance.class
  availability_zones        = var.availability_zones

  storage_type      = "gp3"
  allocated_storage = var.storage.gib
  iops              = var.storage.iops
  storage_encrypted = true
  kms_key_id        = aws_kms_key.main.arn

  database_name                 = var.database_name
  master_username               = var.master_username
  manage_master_user_password   = true
  master_user_secret_kms_key_id = aws_kms_key.main.arn
  port                          = 5432

  db_subnet_group_name            = aws_db_subnet_group.main.name
  vpc_security_group_ids          = [aws_security_group.main.id]
  db_cluster_parameter_group_name = aws_rds_cluster_parameter_group.main.name

  backup_retention_period      = var.backup_retention_days
  preferred_backup_window      = var.windows.backup
  preferred_maintenance_window = var.windows.maintenance
  copy_tags_to_snapshot        = true
  skip_final_snapshot          = var.skip_final_snapshot
  final_snapshot_identifier    = var.skip_final_snapshot ? null : "${var.name}-final-${var.generation}"

  enabled_cloudwatch_logs_exports = ["postgresql", "upgrade"]

  monitoring_interval = 60
  monitoring_role_arn = var.monitoring_role_arn

  performance_insights_enabled          = true
  performance_insights_retention_period = 7
  performance_insights_kms_key_id       = aws_kms_key.main.arn

  deletion_protection = var.deletion_protection

  tags = { Name = var.identifier }

  lifecycle {
    precondition {
      condition     = local.work_mem_worst_gib <= var.instance.memory_gib / 2
      error_message = "work_mem of ${var.work_mem_mib} MiB in each of ${var.max_connections} connections is ${local.work_mem_worst_gib} GiB, more than half of the ${var.instance.memory_gib} GiB of ${var.instance.class}; the other half is for shared buffers and the system. Lower work_mem_mib or max_connections."
    }
  }
}

# The application's own user is made by its first migration, which writes the password here.
resource "aws_secretsmanager_secret" "application" {
  name                    = "smart-dairy/prod/database"
  description             = "Application user of the production database"
  kms_key_id              = aws_kms_key.main.arn
  recovery_window_in_days = var.secret_recovery_days

  tags = { Name = "${var.name}-database" }
}
