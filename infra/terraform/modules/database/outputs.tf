output "identifier" {
  description = "Identifier of the database cluster."
  value       = aws_rds_cluster.primary.cluster_identifier
}

output "primary_endpoint" {
  description = "Name of the writer; it moves with a failover."
  value       = aws_rds_cluster.primary.endpoint
}

output "reader_endpoint" {
  description = "Name of the readers. Reads that must see the newest write belong to the writer."
  value       = aws_rds_cluster.primary.reader_endpoint
}

output "port" {
  description = "Port of both endpoints."
  value       = aws_rds_cluster.primary.port
}

output "master_secret_arn" {
  description = "Secret with the master user's password, made and rotated by RDS."
  value       = try(aws_rds_cluster.primary.master_user_secret[0].secret_arn, null)
}

output "application_secret_arn" {
  description = "Secret with the application user's connection."
  value       = aws_secretsmanager_secret.application.arn
}

output "key_arn" {
  description = "KMS key of the database and its secrets."
  value       = aws_kms_key.main.arn
}

output "security_group_id" {
  description = "Security group of the database."
  value       = aws_security_group.main.id
}

output "parameters" {
  description = "Parameters as they are set: value in PostgreSQL's unit, and how they are applied."
  value       = local.parameters
}
