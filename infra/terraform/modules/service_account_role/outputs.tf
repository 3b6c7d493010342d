output "arn" {
  description = "ARN of the role, for the service account's annotation eks.amazonaws.com/role-arn."
  value       = aws_iam_role.main.arn
}

output "service_account" {
  description = "The service account that may take it, as namespace:name."
  value       = var.service_account
}
