terraform {
  required_version = ">= 1.10.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }

  # The bucket is made by ../bootstrap, once. The lock is an object beside the state.
  backend "s3" {
    bucket       = "smart-dairy-terraform-state-prod"
    key          = "production/terraform.tfstate"
    region       = "ap-south-1"
    encrypt      = true
    kms_key_id   = "alias/smart-dairy-terraform-state"
    use_lockfile = true
  }
}
