# Log groups with an end, and the alarm on storage. No AWS: the provider is mocked.

mock_provider "aws" {}

variables {
  name                 = "smart-dairy-prod"
  account_id           = "123456789012"
  region               = "ap-south-1"
  cluster_name         = "smart-dairy-prod-eks"
  database_identifier  = "smart-dairy-prod-db-primary"
  database_storage_gib = 500
}

run "names_are_those_of_the_services" {
  command = plan

  assert {
    condition     = aws_cloudwatch_log_group.cluster.name == "/aws/eks/smart-dairy-prod-eks/cluster" && aws_cloudwatch_log_group.database["postgresql"].name == "/aws/rds/cluster/smart-dairy-prod-db-primary/postgresql"
    error_message = "a service would make a log group of its own, without an end"
  }

  assert {
    condition     = output.cache_log_group_names["slow-log"] == "/aws/elasticache/smart-dairy-prod/redis/slow-log"
    error_message = "the cache's log group differs from the document's"
  }
}

run "a_fifth_of_the_storage_is_told_in_time" {
  command = plan

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.database_storage) == 3 && alltrue([for alarm in aws_cloudwatch_metric_alarm.database_storage : alarm.threshold == 107374182400])
    error_message = "expected an alarm at 100 GiB for each of three instances"
  }
}

run "logs_for_ever_are_refused" {
  command = plan

  variables {
    retention_days = { flow_log = 0 }
  }

  expect_failures = [var.retention_days]
}

run "an_account_that_is_none_is_refused" {
  command = plan

  variables {
    account_id = "12345"
  }

  expect_failures = [var.account_id]
}
