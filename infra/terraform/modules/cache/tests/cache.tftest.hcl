# What the cache promises and refuses. No AWS: the provider is mocked.

mock_provider "aws" {}

variables {
  name                     = "smart-dairy-prod"
  vpc_id                   = "vpc-0123456789abcdef0"
  subnet_ids               = ["subnet-a", "subnet-b", "subnet-c"]
  client_security_group_id = "sg-0123456789abcdef0"
  node_type                = "cache.r6g.large"
  auth_token               = "only-for-this-test-0123456789"
  log_group_names          = { "slow-log" = "/slow", "engine-log" = "/engine" }
}

run "it_fails_over_and_is_encrypted" {
  command = plan

  assert {
    condition     = aws_elasticache_replication_group.main.automatic_failover_enabled && aws_elasticache_replication_group.main.multi_az_enabled && aws_elasticache_replication_group.main.num_cache_clusters == 3
    error_message = "expected automatic failover over three zones"
  }

  assert {
    condition     = tostring(aws_elasticache_replication_group.main.transit_encryption_enabled) == "true" && tostring(aws_elasticache_replication_group.main.at_rest_encryption_enabled) == "true"
    error_message = "expected encryption in transit and at rest"
  }

  assert {
    condition     = length(aws_elasticache_replication_group.main.log_delivery_configuration) == 2
    error_message = "expected both logs"
  }
}

run "two_nodes_are_refused" {
  command = plan

  variables {
    node_count = 2
  }

  expect_failures = [var.node_count]
}

run "a_short_token_is_refused" {
  command = plan

  variables {
    auth_token = "short"
  }

  expect_failures = [var.auth_token]
}

run "a_token_with_an_at_sign_is_refused" {
  command = plan

  variables {
    auth_token = "abcdefghijklmnop@0123"
  }

  expect_failures = [var.auth_token]
}

run "a_burstable_node_is_refused" {
  command = plan

  variables {
    node_type = "cache.t4g.small"
  }

  expect_failures = [var.node_type]
}

run "another_log_is_refused" {
  command = plan

  variables {
    log_group_names = { "slow-log" = "/slow" }
  }

  expect_failures = [var.log_group_names]
}
