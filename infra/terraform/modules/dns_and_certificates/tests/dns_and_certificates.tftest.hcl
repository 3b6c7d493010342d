# Certificates and who proves them. No AWS: the providers are mocked.

mock_provider "aws" {}

mock_provider "aws" {
  alias = "us_east_1"
}

variables {
  domain      = "smartdairy.com.bd"
  create_zone = true
}

run "one_certificate_for_each_region" {
  command = plan

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  assert {
    condition     = aws_acm_certificate.main.subject_alternative_names == toset(["smartdairy.com.bd", "*.smartdairy.com.bd"])
    error_message = "expected the apex and one wildcard"
  }

  assert {
    condition     = aws_acm_certificate.cdn.domain_name == "cdn.smartdairy.com.bd"
    error_message = "expected the CDN's name"
  }

  assert {
    condition     = length(aws_route53_zone.main) == 1 && length(data.aws_route53_zone.main) == 0
    error_message = "expected a new zone"
  }
}

run "an_existing_zone_is_used" {
  command = plan

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    create_zone = false
  }

  assert {
    condition     = length(aws_route53_zone.main) == 0 && length(output.name_servers) == 0
    error_message = "a second zone would be made"
  }
}

run "a_domain_with_a_dot_at_its_end_is_refused" {
  command = plan

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    domain = "smartdairy.com.bd."
  }

  expect_failures = [var.domain]
}
