output "bucket" {
  description = "Name of the bucket, for the backend of the production configuration."
  value       = aws_s3_bucket.main.id
}

output "key_arn" {
  description = "KMS key of the state, for everyone who may plan."
  value       = aws_kms_key.main.arn
}
