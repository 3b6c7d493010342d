terraform {
  required_version = ">= 1.10.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"

      # CloudFront reads certificates of us-east-1 only.
      configuration_aliases = [aws.us_east_1]
    }
  }
}
