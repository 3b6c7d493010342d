# The environment as a whole: names of the document, and what fits together. No AWS: the providers
# are mocked.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
}

mock_provider "aws" {
  alias = "us_east_1"
}

variables {
  redis_auth_token = "only-for-this-test-0123456789"
  delivery_subject = "repo:smart-dairy/platform:environment:production"
}

run "names_are_those_of_the_document" {
  command = plan

  assert {
    condition     = module.database.identifier == "smart-dairy-prod-db-primary" && module.cache.replication_group_id == "smart-dairy-prod-redis" && module.cluster.name == "smart-dairy-prod-eks"
    error_message = "a name differs from the document's"
  }

  assert {
    condition     = toset(module.cluster.node_group_names) == toset(["smart-dairy-app-nodes", "smart-dairy-db-nodes"])
    error_message = "a node group's name differs from the document's"
  }

  assert {
    condition     = toset(module.edge.hosts) == toset(["smartdairy.com.bd", "www.smartdairy.com.bd", "app.smartdairy.com.bd", "api.smartdairy.com.bd"])
    error_message = "a host of the Ingress has no record"
  }
}

run "addresses_are_those_of_the_network_policies" {
  command = plan

  assert {
    condition     = values(output.subnet_cidrs.database) == ["10.0.201.0/24", "10.0.202.0/24", "10.0.203.0/24"] && values(output.subnet_cidrs.private) == ["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"]
    error_message = "the NetworkPolicies of infra/kubernetes name other networks"
  }
}

run "a_protected_rehearsal_is_refused" {
  command = plan

  variables {
    rehearsal = true
  }

  expect_failures = [var.rehearsal]
}

run "a_rehearsal_can_go" {
  command = plan

  variables {
    rehearsal           = true
    deletion_protection = false
  }
}

run "two_zones_are_refused" {
  command = plan

  variables {
    availability_zones = ["ap-south-1a", "ap-south-1b"]
  }

  expect_failures = [var.availability_zones]
}
