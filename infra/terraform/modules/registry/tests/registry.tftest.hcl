# Repositories and the pipeline's role. No AWS: the provider is mocked.

mock_provider "aws" {}

variables {
  repositories     = ["smart-dairy-backend", "smart-dairy-gateway"]
  cluster_arn      = "arn:aws:eks:ap-south-1:123456789012:cluster/smart-dairy-prod-eks"
  delivery_subject = "repo:smart-dairy/platform:environment:production"
}

run "images_cannot_be_replaced" {
  command = plan

  assert {
    condition     = alltrue([for repository in aws_ecr_repository.main : repository.image_tag_mutability == "IMMUTABLE" && repository.image_scanning_configuration[0].scan_on_push])
    error_message = "a released tag could be pushed again"
  }
}

run "any_repository_of_the_owner_is_refused" {
  command = plan

  variables {
    delivery_subject = "repo:smart-dairy/*:ref:refs/heads/main"
  }

  expect_failures = [var.delivery_subject]
}

run "any_branch_is_refused" {
  command = plan

  variables {
    delivery_subject = "repo:smart-dairy/platform:*"
  }

  expect_failures = [var.delivery_subject]
}
