# Run once for an account, before everything else.

provider "aws" {
  region = var.aws_region

  default_tags {
    tags = {
      Environment = "production"
      Project     = "Smart-Dairy-Platform"
      ManagedBy   = "Terraform"
      CostCenter  = "SD-PROD-001"
      Owner       = "smart-dairy-dev-team"
    }
  }
}

module "state" {
  source = "../modules/state"

  bucket = var.bucket
}
