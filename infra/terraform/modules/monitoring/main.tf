# Roles, log groups and alarms on the AWS side. Prometheus, Grafana and ELK run in the cluster.

locals {
  database_logs = toset(["postgresql", "upgrade"])
  cache_logs    = toset(["slow-log", "engine-log"])

  # Names that RDS gives to the instances of a Multi-AZ DB cluster.
  database_instances = toset([for number in range(1, 4) : "${var.database_identifier}-instance-${number}"])
}

# ---- log groups ------------------------------------------------------------------------------
# Made here, before the services that write to them: a service that makes its own sets no
# retention, and its events are kept and paid for without end.

resource "aws_cloudwatch_log_group" "flow_log" {
  name              = "/aws/vpc-flow-log/${var.name}-vpc"
  retention_in_days = var.retention_days.flow_log

  tags = { Name = "${var.name}-vpc-flow-log" }
}

resource "aws_cloudwatch_log_group" "cluster" {
  name              = "/aws/eks/${var.cluster_name}/cluster"
  retention_in_days = var.retention_days.cluster

  tags = { Name = "${var.cluster_name}-control-plane" }
}

resource "aws_cloudwatch_log_group" "database" {
  for_each = local.database_logs

  name              = "/aws/rds/cluster/${var.database_identifier}/${each.key}"
  retention_in_days = var.retention_days.database

  tags = { Name = "${var.database_identifier}-${each.key}" }
}

resource "aws_cloudwatch_log_group" "cache" {
  for_each = local.cache_logs

  name              = "/aws/elasticache/${var.name}/redis/${each.key}"
  retention_in_days = var.retention_days.cache

  tags = { Name = "smart-dairy-redis-${each.key}" }
}

# ElastiCache delivers its logs through this service, which the log groups have to admit.
resource "aws_cloudwatch_log_resource_policy" "cache" {
  policy_name = "${var.name}-redis-log-delivery"

  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AllowElastiCacheLogDelivery"
      Effect    = "Allow"
      Principal = { Service = "delivery.logs.amazonaws.com" }
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource  = "arn:aws:logs:${var.region}:${var.account_id}:log-group:/aws/elasticache/${var.name}/redis/*:log-stream:*"
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        ArnLike      = { "aws:SourceArn" = "arn:aws:logs:${var.region}:${var.account_id}:*" }
      }
    }]
  })
}

# ---- roles -----------------------------------------------------------------------------------

resource "aws_iam_role" "flow_log" {
  name = "smart-dairy-vpc-flow-log-role"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "flow_log" {
  name = "write-flow-log"
  role = aws_iam_role.flow_log.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.flow_log.arn}:*"
      },
      {
        Effect   = "Allow"
        Action   = ["logs:DescribeLogGroups", "logs:DescribeLogStreams"]
        Resource = "*"
      },
    ]
  })
}

resource "aws_iam_role" "rds_monitoring" {
  name = "smart-dairy-rds-monitoring-role"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "monitoring.rds.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "rds_monitoring" {
  role       = aws_iam_role.rds_monitoring.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

# ---- alarms ----------------------------------------------------------------------------------

# A key of its own: CloudWatch cannot publish to a topic under the key alias/aws/sns, whose policy
# nobody can change.
resource "aws_kms_key" "alarms" {
  description             = "KMS key for Smart Dairy alarm notifications"
  deletion_window_in_days = 30
  enable_key_rotation     = true

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Administration"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${var.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "PublishAlarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
      },
    ]
  })

  tags = { Name = "smart-dairy-alarms-kms" }
}

resource "aws_kms_alias" "alarms" {
  name          = "alias/smart-dairy-alarms"
  target_key_id = aws_kms_key.alarms.key_id
}

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = aws_kms_key.alarms.arn

  tags = { Name = "${var.name}-alarms" }
}

# A Multi-AZ DB cluster has no storage autoscaling: somebody has to be told in time.
resource "aws_cloudwatch_metric_alarm" "database_storage" {
  for_each = local.database_instances

  alarm_name          = "${each.key}-free-storage"
  alarm_description   = "Less than a fifth of the database's storage is free; it does not grow by itself."
  namespace           = "AWS/RDS"
  metric_name         = "FreeStorageSpace"
  dimensions          = { DBInstanceIdentifier = each.key }
  statistic           = "Minimum"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "LessThanThreshold"
  threshold           = floor(var.database_storage_gib / 5) * 1024 * 1024 * 1024
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  tags = { Name = "${each.key}-free-storage" }
}
