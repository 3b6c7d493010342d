output "replication_group_id" {
  description = "Id of the replication group."
  value       = aws_elasticache_replication_group.main.replication_group_id
}

output "primary_endpoint" {
  description = "Name of the primary; it moves with a failover."
  value       = aws_elasticache_replication_group.main.primary_endpoint_address
}

output "reader_endpoint" {
  description = "Name of the replicas."
  value       = aws_elasticache_replication_group.main.reader_endpoint_address
}

output "secret_arn" {
  description = "Secret with the AUTH token."
  value       = aws_secretsmanager_secret.auth_token.arn
}

output "key_arn" {
  description = "KMS key of the cache and its secret."
  value       = aws_kms_key.main.arn
}

output "security_group_id" {
  description = "Security group of the cache."
  value       = aws_security_group.main.id
}
