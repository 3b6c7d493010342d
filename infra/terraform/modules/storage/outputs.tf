output "assets_bucket" {
  description = "Name of the assets bucket."
  value       = aws_s3_bucket.assets.id
}

output "assets_bucket_arn" {
  description = "ARN of the assets bucket."
  value       = aws_s3_bucket.assets.arn
}

output "assets_bucket_domain_name" {
  description = "Regional name of the assets bucket, the CDN's origin."
  value       = aws_s3_bucket.assets.bucket_regional_domain_name
}

output "assets_deny_plain_http" {
  description = "Statement for the assets bucket's policy, which the edge module writes."
  value       = local.deny_plain_http.assets
}

output "backups_bucket" {
  description = "Name of the backups bucket."
  value       = aws_s3_bucket.backups.id
}

output "backup_key_arn" {
  description = "KMS key of the backups."
  value       = aws_kms_key.backup.arn
}
