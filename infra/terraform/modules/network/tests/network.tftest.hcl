# Subnet arithmetic, zone coverage and routes. No AWS: the provider is mocked.

mock_provider "aws" {}

variables {
  name               = "smart-dairy-prod"
  cluster_name       = "smart-dairy-prod-eks"
  region             = "ap-south-1"
  vpc_cidr           = "10.0.0.0/16"
  availability_zones = ["ap-south-1a", "ap-south-1b", "ap-south-1c"]
  flow_log_group_arn = "arn:aws:logs:ap-south-1:123456789012:log-group:flow"
  flow_log_role_arn  = "arn:aws:iam::123456789012:role/flow"
}

run "subnets_are_those_of_the_document" {
  command = plan

  assert {
    condition     = output.subnet_cidrs.private == { "ap-south-1a" = "10.0.1.0/24", "ap-south-1b" = "10.0.2.0/24", "ap-south-1c" = "10.0.3.0/24" }
    error_message = "private subnets differ from the document: ${jsonencode(output.subnet_cidrs.private)}"
  }

  assert {
    condition     = output.subnet_cidrs.public == { "ap-south-1a" = "10.0.101.0/24", "ap-south-1b" = "10.0.102.0/24", "ap-south-1c" = "10.0.103.0/24" }
    error_message = "public subnets differ from the document: ${jsonencode(output.subnet_cidrs.public)}"
  }

  assert {
    condition     = output.subnet_cidrs.database == { "ap-south-1a" = "10.0.201.0/24", "ap-south-1b" = "10.0.202.0/24", "ap-south-1c" = "10.0.203.0/24" }
    error_message = "database subnets differ from the document: ${jsonencode(output.subnet_cidrs.database)}"
  }
}

run "another_network_has_the_same_layout" {
  command = plan

  variables {
    vpc_cidr = "172.20.0.0/16"
  }

  assert {
    condition     = output.subnet_cidrs.database["ap-south-1c"] == "172.20.203.0/24"
    error_message = "expected the third database subnet at 172.20.203.0/24, got ${output.subnet_cidrs.database["ap-south-1c"]}"
  }

  assert {
    condition     = length(distinct(flatten([for tier in values(output.subnet_cidrs) : values(tier)]))) == 9
    error_message = "expected nine different subnets"
  }
}

run "every_zone_has_its_own_way_out" {
  command = plan

  assert {
    condition     = keys(aws_nat_gateway.main) == ["ap-south-1a", "ap-south-1b", "ap-south-1c"]
    error_message = "expected a NAT gateway in each zone, got ${jsonencode(keys(aws_nat_gateway.main))}"
  }

  assert {
    condition     = keys(aws_route.private_nat) == ["ap-south-1a", "ap-south-1b", "ap-south-1c"]
    error_message = "expected a default route in the private table of each zone"
  }

  assert {
    condition     = alltrue([for zone, subnet in aws_subnet.database : subnet.availability_zone == zone])
    error_message = "a database subnet is not in its zone"
  }
}

run "two_zones_are_refused" {
  command = plan

  variables {
    availability_zones = ["ap-south-1a", "ap-south-1b"]
  }

  expect_failures = [var.availability_zones]
}

run "the_same_zone_twice_is_refused" {
  command = plan

  variables {
    availability_zones = ["ap-south-1a", "ap-south-1b", "ap-south-1b"]
  }

  expect_failures = [var.availability_zones]
}

run "zones_of_another_region_are_refused" {
  command = plan

  variables {
    availability_zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
  }

  expect_failures = [var.availability_zones]
}

run "a_smaller_network_is_refused" {
  command = plan

  variables {
    vpc_cidr = "10.0.0.0/20"
  }

  expect_failures = [var.vpc_cidr]
}

run "an_address_inside_a_network_is_refused" {
  command = plan

  variables {
    vpc_cidr = "10.0.7.0/16"
  }

  expect_failures = [var.vpc_cidr]
}

run "a_fourth_entry_is_refused_even_where_it_repeats_one" {
  command = plan

  variables {
    availability_zones = ["ap-south-1a", "ap-south-1b", "ap-south-1c", "ap-south-1c"]
  }

  expect_failures = [var.availability_zones]
}
