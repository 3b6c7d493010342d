locals {
  default_tags = {
    Environment = "production"
    Project     = "Smart-Dairy-Platform"
    ManagedBy   = "Terraform"
    CostCenter  = "SD-PROD-001"
    Owner       = "smart-dairy-dev-team"
    CreatedDate = "2026-02-05"
  }
}

provider "aws" {
  region = var.aws_region

  default_tags {
    tags = local.default_tags
  }
}

# CloudFront reads certificates of this region only.
provider "aws" {
  alias  = "us_east_1"
  region = "us-east-1"

  default_tags {
    tags = local.default_tags
  }
}
