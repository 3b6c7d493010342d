output "bucket" {
  description = "Name of the state bucket."
  value       = module.state.bucket
}

output "key_arn" {
  description = "KMS key of the state."
  value       = module.state.key_arn
}
