data "aws_availability_zones" "available" {}

resource "aws_vpc" "main" {
  cidr_block = "10.1.0.0/16"
}

resource "aws_subnet" "data" {
  count             = 3
  vpc_id            = aws_vpc.main.id
  cidr_block        = "10.1.20${count.index + 1}.0/24"
  availability_zone = data.aws_availability_zones.available.names[count.index]
}

resource "aws_security_group" "data" {
  name   = "data"
  vpc_id = aws_vpc.main.id
}

resource "aws_kms_key" "data" {}

resource "aws_db_subnet_group" "main" {
  name       = "main"
  subnet_ids = aws_subnet.data[*].id
}

resource "aws_db_parameter_group" "main" {
  name   = "postgres16"
  family = "postgres16"
  parameter {
    name         = "max_connections"
    value        = "500"
    apply_method = "pending-reboot"
  }
  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }
}

resource "aws_db_instance" "primary" {
  identifier                      = "primary"
  engine                          = "postgres"
  engine_version                  = "16.9"
  instance_class                  = "db.r6g.xlarge"
  allocated_storage               = 200
  max_allocated_storage           = 1000
  storage_type                    = "gp3"
  storage_encrypted               = true
  kms_key_id                      = aws_kms_key.data.arn
  db_name                         = "dairy"
  username                        = "dairy"
  password                        = "not-a-real-one"
  multi_az                        = true
  db_subnet_group_name            = aws_db_subnet_group.main.name
  vpc_security_group_ids          = [aws_security_group.data.id]
  parameter_group_name            = aws_db_parameter_group.main.name
  backup_retention_period         = 30
  backup_window                   = "01:00-02:00"
  maintenance_window              = "sun:04:00-sun:05:00"
  enabled_cloudwatch_logs_exports = ["postgresql", "upgrade"]
  deletion_protection             = false
  skip_final_snapshot             = true
  copy_tags_to_snapshot           = true
  apply_immediately               = true
}

resource "aws_db_instance" "replica" {
  identifier          = "replica"
  replicate_source_db = aws_db_instance.primary.identifier
  instance_class      = "db.r6g.large"
  skip_final_snapshot = true
}

resource "aws_rds_cluster_parameter_group" "main" {
  name   = "aurora16"
  family = "aurora-postgresql16"
  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }
}

resource "aws_rds_cluster" "main" {
  cluster_identifier              = "main"
  engine                          = "aurora-postgresql"
  engine_version                  = "16.6"
  database_name                   = "dairy"
  master_username                 = "dairy"
  master_password                 = "not-a-real-one"
  db_subnet_group_name            = aws_db_subnet_group.main.name
  vpc_security_group_ids          = [aws_security_group.data.id]
  db_cluster_parameter_group_name = aws_rds_cluster_parameter_group.main.name
  backup_retention_period         = 7
  storage_encrypted               = true
  kms_key_id                      = aws_kms_key.data.arn
  skip_final_snapshot             = true
}

resource "aws_rds_cluster_instance" "main" {
  identifier         = "main-1"
  cluster_identifier = aws_rds_cluster.main.id
  engine             = aws_rds_cluster.main.engine
  instance_class     = "db.r6g.large"
}

resource "aws_sns_topic" "events" {
  name = "events"
}

resource "aws_db_event_subscription" "main" {
  name             = "main"
  sns_topic        = aws_sns_topic.events.arn
  source_type      = "db-instance"
  event_categories = ["failover", "failure"]
}

resource "aws_elasticache_subnet_group" "main" {
  name       = "main"
  subnet_ids = aws_subnet.data[*].id
}

resource "aws_elasticache_parameter_group" "main" {
  name   = "redis7"
  family = "redis7"
  parameter {
    name  = "maxmemory-policy"
    value = "volatile-lru"
  }
}

resource "aws_elasticache_replication_group" "main" {
  replication_group_id       = "main"
  description                = "a cache"
  engine                     = "redis"
  engine_version             = "7.1"
  node_type                  = "cache.r6g.large"
  num_cache_clusters         = 3
  port                       = 6379
  parameter_group_name       = aws_elasticache_parameter_group.main.name
  subnet_group_name          = aws_elasticache_subnet_group.main.name
  security_group_ids         = [aws_security_group.data.id]
  automatic_failover_enabled = true
  multi_az_enabled           = true
  at_rest_encryption_enabled = true
  transit_encryption_enabled = true
  auth_token                 = "not-a-real-one-but-long"
  snapshot_retention_limit   = 7
}
