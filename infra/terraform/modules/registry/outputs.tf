output "repository_urls" {
  description = "Address of each repository by name."
  value       = { for name, repository in aws_ecr_repository.main : name => repository.repository_url }
}

output "delivery_role_arn" {
  description = "Role that the pipeline takes with its token."
  value       = aws_iam_role.delivery.arn
}
