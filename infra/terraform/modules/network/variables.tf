variable "name" {
  description = "Name of the VPC and prefix of what belongs to it, such as smart-dairy-prod."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "name: expected 3 to 31 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "cluster_name" {
  description = "Name of the EKS cluster whose load balancers may use the subnets."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of the VPC, part of the names of its endpoint services."
  type        = string
  nullable    = false
}

variable "vpc_cidr" {
  description = "Addresses of the VPC. A /16, because the subnets are its /24 number 1-3, 101-103 and 201-203."
  type        = string
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && endswith(var.vpc_cidr, "/16") && try(cidrhost(var.vpc_cidr, 0) == split("/", var.vpc_cidr)[0], false)
    error_message = "vpc_cidr: expected the first address of an IPv4 /16 such as 10.0.0.0/16."
  }
}

variable "availability_zones" {
  description = "The three zones, in the order of the subnets."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.availability_zones) == 3 && length(distinct(var.availability_zones)) == 3
    error_message = "availability_zones: expected three different zones. Fewer cannot keep a majority when one is lost."
  }

  validation {
    condition     = alltrue([for zone in var.availability_zones : startswith(zone, var.region)])
    error_message = "availability_zones: expected zones of the region of this VPC."
  }
}

variable "interface_endpoints" {
  description = "AWS services that the nodes reach inside the VPC, without NAT."
  type        = set(string)
  nullable    = false
  default     = ["ecr.api", "ecr.dkr", "logs", "secretsmanager", "sts"]
}

variable "flow_log_group_arn" {
  description = "ARN of the log group that takes the flow log."
  type        = string
  nullable    = false
}

variable "flow_log_role_arn" {
  description = "ARN of the role with which the flow log is written."
  type        = string
  nullable    = false
}
