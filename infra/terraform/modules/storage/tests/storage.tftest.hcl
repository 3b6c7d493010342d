# Buckets: closed, and nothing is kept for ever. No AWS: the provider is mocked.

mock_provider "aws" {}

variables {
  name          = "smart-dairy-prod"
  asset_origins = ["https://smartdairy.com.bd", "https://app.smartdairy.com.bd"]
}

run "both_buckets_are_closed_and_versioned" {
  command = plan

  assert {
    condition = alltrue([
      for block in [aws_s3_bucket_public_access_block.assets, aws_s3_bucket_public_access_block.backups] :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ])
    error_message = "a bucket can be made public"
  }

  assert {
    condition     = aws_s3_bucket_versioning.assets.versioning_configuration[0].status == "Enabled" && aws_s3_bucket_versioning.backups.versioning_configuration[0].status == "Enabled"
    error_message = "a bucket is not versioned"
  }
}

run "old_versions_expire_in_both" {
  command = plan

  assert {
    condition = alltrue([
      for rules in [aws_s3_bucket_lifecycle_configuration.assets.rule, aws_s3_bucket_lifecycle_configuration.backups.rule] :
      length(rules[0].noncurrent_version_expiration) == 1
    ])
    error_message = "noncurrent versions are kept for ever"
  }
}

run "a_wildcard_origin_is_refused" {
  command = plan

  variables {
    asset_origins = ["*"]
  }

  expect_failures = [var.asset_origins]
}

run "deleting_before_glacier_is_paid_off_is_refused" {
  command = plan

  variables {
    backup_days = { infrequent_access = 30, glacier = 90, expiration = 100 }
  }

  expect_failures = [var.backup_days]
}
