# The state's bucket. No AWS: the provider is mocked.

mock_provider "aws" {}

variables {
  bucket = "smart-dairy-terraform-state-prod"
}

run "states_are_kept_encrypted_and_closed" {
  command = plan

  assert {
    condition     = aws_s3_bucket_versioning.main.versioning_configuration[0].status == "Enabled"
    error_message = "an overwritten state could not be brought back"
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.main.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms"
    error_message = "the state holds secrets and is not encrypted with a key of its own"
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.main.restrict_public_buckets && aws_s3_bucket_public_access_block.main.block_public_policy
    error_message = "the state can be made public"
  }
}

run "a_short_memory_is_refused" {
  command = plan

  variables {
    noncurrent_days = 7
  }

  expect_failures = [var.noncurrent_days]
}
