# A role for one service account and no other. No AWS: the provider is mocked.

mock_provider "aws" {}

variables {
  name              = "smart-dairy-test-irsa"
  oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/issuer"
  oidc_issuer       = "oidc.example/id/ABC"
  service_account   = "kube-system:aws-node"
}

run "only_that_account_may_take_it" {
  command = plan

  assert {
    condition     = jsondecode(aws_iam_role.main.assume_role_policy).Statement[0].Condition.StringEquals["oidc.example/id/ABC:sub"] == "system:serviceaccount:kube-system:aws-node"
    error_message = "the role's trust does not name the service account"
  }

  assert {
    condition     = length(aws_iam_role_policy.own) == 0
    error_message = "no policy was asked for"
  }
}

run "a_wildcard_is_refused" {
  command = plan

  variables {
    service_account = "kube-system:*"
  }

  expect_failures = [var.service_account]
}

run "an_issuer_with_its_scheme_is_refused" {
  command = plan

  variables {
    oidc_issuer = "https://oidc.example/id/ABC"
  }

  expect_failures = [var.oidc_issuer]
}
