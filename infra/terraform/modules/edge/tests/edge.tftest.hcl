# Routes of the load balancer, names, and the CDN. No AWS: the provider is mocked.

mock_provider "aws" {}

variables {
  name                = "smart-dairy-prod"
  domain              = "smartdairy.com.bd"
  zone_id             = "Z0123456789"
  vpc_id              = "vpc-0123456789abcdef0"
  public_subnet_ids   = ["subnet-a", "subnet-b", "subnet-c"]
  private_cidrs       = ["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"]
  certificate_arn     = "arn:aws:acm:ap-south-1:123456789012:certificate/a"
  cdn_certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/b"
  asset_origins       = ["https://app.smartdairy.com.bd"]
  deletion_protection = true
  assets = {
    bucket          = "smart-dairy-prod-assets"
    arn             = "arn:aws:s3:::smart-dairy-prod-assets"
    domain_name     = "smart-dairy-prod-assets.s3.ap-south-1.amazonaws.com"
    deny_plain_http = { Effect = "Deny" }
  }
  targets = {
    backend = { port = 8069, health_path = "/web/health", sticky = true }
    gateway = { port = 8000, health_path = "/health", sticky = false }
  }
  routes = [
    { hosts = ["app.smartdairy.com.bd"], target = "backend" },
    { hosts = ["api.smartdairy.com.bd"], target = "gateway" },
  ]
}

run "every_host_has_a_name_and_a_rule" {
  command = plan

  assert {
    condition     = keys(aws_route53_record.load_balancer) == ["api.smartdairy.com.bd", "app.smartdairy.com.bd"]
    error_message = "a host of the rules has no record"
  }

  assert {
    condition     = aws_lb_listener_rule.main["001-backend"].priority == 1 && aws_lb_listener_rule.main["002-gateway"].priority == 2
    error_message = "the rules are not in the order of the routes"
  }
}

run "pods_of_all_zones_are_reached" {
  command = plan

  assert {
    condition     = length(aws_vpc_security_group_egress_rule.load_balancer) == 6
    error_message = "expected two ports to three networks"
  }

  assert {
    condition     = alltrue([for group in aws_lb_target_group.main : group.target_type == "ip" && tonumber(group.deregistration_delay) < 60])
    error_message = "a pod would be gone before its requests are drained"
  }
}

run "only_current_tls_is_spoken" {
  command = plan

  assert {
    condition     = aws_lb_listener.https.ssl_policy == "ELBSecurityPolicy-TLS13-1-2-2021-06" && one(aws_cloudfront_distribution.main.viewer_certificate).minimum_protocol_version == "TLSv1.2_2021"
    error_message = "TLS older than 1.2 is accepted"
  }
}

run "errors_of_the_api_reach_the_client" {
  command = plan

  assert {
    condition     = length(aws_cloudfront_distribution.main.custom_error_response) == 0
    error_message = "an error response of the distribution also replaces those of /api/*"
  }

  assert {
    condition     = contains([for origin in aws_cloudfront_distribution.main.origin : origin.domain_name], "api.smartdairy.com.bd")
    error_message = "the API's origin is not a name that the certificate covers"
  }
}

run "the_cdn_is_found_over_both_protocols" {
  command = plan

  assert {
    condition     = keys(aws_route53_record.cdn) == ["A", "AAAA"]
    error_message = "IPv6 clients do not find the CDN"
  }
}

run "a_route_to_nowhere_is_refused" {
  command = plan

  variables {
    routes = [{ hosts = ["app.smartdairy.com.bd"], target = "frontend" }]
  }

  expect_failures = [var.routes]
}

run "draining_longer_than_the_pod_lives_is_refused" {
  command = plan

  variables {
    deregistration_seconds = 300
  }

  expect_failures = [var.deregistration_seconds]
}
