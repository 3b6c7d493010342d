variable "aws_region" {
  description = "Region of the environment."
  type        = string
  nullable    = false
  default     = "ap-south-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.aws_region))
    error_message = "aws_region: expected a region such as ap-south-1."
  }
}

variable "availability_zones" {
  description = "The three zones of the environment, in the order of the subnets."
  type        = list(string)
  nullable    = false
  default     = ["ap-south-1a", "ap-south-1b", "ap-south-1c"]

  validation {
    condition     = length(distinct(var.availability_zones)) == 3 && length(var.availability_zones) == 3
    error_message = "availability_zones: expected three different zones."
  }
}

variable "vpc_cidr" {
  description = "Addresses of the VPC, a /16."
  type        = string
  nullable    = false
  default     = "10.0.0.0/16"
}

variable "domain" {
  description = "Domain of the platform."
  type        = string
  nullable    = false
  default     = "smartdairy.com.bd"
}

variable "create_zone" {
  description = "Whether the hosted zone is made here; false where it exists already."
  type        = bool
  nullable    = false
  default     = true
}

variable "kubernetes_version" {
  description = "Minor version of Kubernetes. 1.34 is in standard support until 2026-12-02."
  type        = string
  nullable    = false
  default     = "1.34"
}

variable "addon_versions" {
  description = "Version of each EKS add-on, read once from `aws eks describe-addon-versions` and then changed like code."
  type = object({
    vpc_cni        = optional(string)
    kube_proxy     = optional(string)
    coredns        = optional(string)
    ebs_csi_driver = optional(string)
    metrics_server = optional(string)
  })
  nullable = false
  default  = {}
}

variable "api_public_access_cidrs" {
  description = "Networks of offices and pipelines that may reach the Kubernetes API from outside; none closes it."
  type        = list(string)
  nullable    = false
  default     = []
}

variable "database_master_username" {
  description = "Name of the database's master user. RDS makes the password."
  type        = string
  nullable    = false
  default     = "smart_dairy_master"
}

variable "redis_auth_token" {
  description = "Password of the cache, 16 to 128 characters. Give it as TF_VAR_redis_auth_token from a password store."
  type        = string
  nullable    = false
  sensitive   = true
}

variable "delivery_subject" {
  description = "Subject of the delivery pipeline's token: repo:OWNER/NAME:environment:production."
  type        = string
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether database, cluster and load balancer refuse to be deleted."
  type        = bool
  nullable    = false
  default     = true
}

variable "rehearsal" {
  description = "Whether the environment is one that is thrown away: no last snapshots, buckets and repositories deleted with what they hold."
  type        = bool
  nullable    = false
  default     = false

  validation {
    condition     = !(var.rehearsal && var.deletion_protection)
    error_message = "rehearsal: expected deletion_protection = false with it; a rehearsal has to be able to go."
  }
}
