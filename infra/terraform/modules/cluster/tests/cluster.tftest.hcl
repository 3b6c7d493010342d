# Node groups, add-ons and access of the cluster. No AWS: the provider is mocked.

mock_provider "aws" {}

variables {
  name                            = "smart-dairy-prod-eks"
  account_id                      = "123456789012"
  region                          = "ap-south-1"
  kubernetes_version              = "1.34"
  vpc_id                          = "vpc-0123456789abcdef0"
  subnet_ids                      = ["subnet-a", "subnet-b", "subnet-c"]
  public_access_cidrs             = []
  admin_role_arn                  = "arn:aws:iam::123456789012:role/admin"
  delivery_role_arn               = "arn:aws:iam::123456789012:role/delivery"
  namespace                       = "smart-dairy-prod"
  load_balancer_security_group_id = "sg-0123456789abcdef0"
  load_balancer_ports             = [8069, 8072]
  secret_arns                     = ["arn:aws:secretsmanager:ap-south-1:123456789012:secret:a"]
  secret_key_arns                 = ["arn:aws:kms:ap-south-1:123456789012:key/a"]
  deletion_protection             = true
  node_groups = {
    app = {
      instance_type     = "t3.xlarge"
      min_size          = 3
      desired_size      = 5
      max_size          = 15
      labels            = { role = "application" }
      tainted           = false
      volume_gib        = 100
      volume_iops       = 3000
      volume_throughput = 125
    }
    db = {
      instance_type     = "r6i.xlarge"
      min_size          = 3
      desired_size      = 3
      max_size          = 6
      labels            = { role = "database" }
      tainted           = true
      volume_gib        = 200
      volume_iops       = 6000
      volume_throughput = 250
    }
  }
}

run "nodes_are_in_every_zone" {
  command = plan

  assert {
    condition     = alltrue([for group in aws_eks_node_group.main : length(group.subnet_ids) == 3])
    error_message = "a node group does not cover three zones"
  }

  assert {
    condition     = length(aws_eks_node_group.main["db"].taint) == 1 && length(aws_eks_node_group.main["app"].taint) == 0
    error_message = "expected a taint on the database nodes only"
  }

  assert {
    condition     = length(aws_launch_template.nodes["app"].credit_specification) == 1 && length(aws_launch_template.nodes["db"].credit_specification) == 0
    error_message = "expected a credit specification on burstable nodes only"
  }

  assert {
    condition     = alltrue([for template in aws_launch_template.nodes : template.metadata_options[0].http_put_response_hop_limit == 1 && template.metadata_options[0].http_tokens == "required"])
    error_message = "a pod can take the node's role"
  }
}

run "policies_are_enforced_and_usage_is_known" {
  command = plan

  assert {
    condition     = jsondecode(aws_eks_addon.vpc_cni.configuration_values).enableNetworkPolicy == "true"
    error_message = "network policies are not enforced"
  }

  assert {
    condition     = aws_eks_addon.metrics_server.addon_name == "metrics-server"
    error_message = "no metrics-server"
  }
}

run "the_api_is_closed_unless_networks_are_named" {
  command = plan

  assert {
    condition     = !aws_eks_cluster.main.vpc_config[0].endpoint_public_access && aws_eks_cluster.main.vpc_config[0].endpoint_private_access
    error_message = "expected a private endpoint only"
  }
}

run "named_networks_open_it" {
  command = plan

  variables {
    public_access_cidrs = ["203.0.113.0/24"]
  }

  assert {
    condition     = aws_eks_cluster.main.vpc_config[0].public_access_cidrs == toset(["203.0.113.0/24"])
    error_message = "the endpoint is not limited to the named network"
  }
}

run "the_whole_world_is_refused" {
  command = plan

  variables {
    public_access_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.public_access_cidrs]
}

run "half_of_the_world_is_refused_too" {
  command = plan

  variables {
    public_access_cidrs = ["0.0.0.0/1", "128.0.0.0/1"]
  }

  expect_failures = [var.public_access_cidrs]
}

run "a_version_past_support_is_refused" {
  command = plan

  variables {
    kubernetes_version = "1.29"
  }

  expect_failures = [var.kubernetes_version]
}

run "fewer_nodes_than_zones_are_refused" {
  command = plan

  variables {
    node_groups = {
      db = {
        instance_type     = "r6i.xlarge"
        min_size          = 2
        desired_size      = 3
        max_size          = 6
        labels            = { role = "database" }
        tainted           = true
        volume_gib        = 200
        volume_iops       = 6000
        volume_throughput = 250
      }
    }
  }

  expect_failures = [var.node_groups]
}

run "a_volume_that_does_not_exist_is_refused" {
  command = plan

  variables {
    node_groups = {
      app = {
        instance_type     = "t3.xlarge"
        min_size          = 3
        desired_size      = 5
        max_size          = 15
        labels            = { role = "application" }
        tainted           = false
        volume_gib        = 100
        volume_iops       = 3000
        volume_throughput = 1000
      }
    }
  }

  expect_failures = [var.node_groups]
}
