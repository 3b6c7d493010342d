terraform {
  required_version = ">= 1.10"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
  backend "s3" {
    bucket       = "a-bucket-that-is-never-asked"
    key          = "state"
    region       = "ap-south-1"
    use_lockfile = true
  }
}

provider "aws" {
  region = "ap-south-1"
  default_tags {
    tags = { Project = "smart-dairy" }
  }
}

module "network" {
  source = "./network"
}

module "identity" {
  source = "./identity"
}

module "storage" {
  source = "./storage"
}

module "data" {
  source = "./data"
}

module "cluster" {
  source = "./cluster"
}

module "edge" {
  source = "./edge"
}
