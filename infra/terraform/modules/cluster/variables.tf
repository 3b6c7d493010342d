variable "name" {
  description = "Name of the cluster, such as smart-dairy-prod-eks."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9-]{0,99}$", var.name))
    error_message = "name: expected 1 to 100 letters, digits and hyphens."
  }
}

variable "account_id" {
  description = "Id of the AWS account (12 digits)."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of the cluster."
  type        = string
  nullable    = false
}

variable "kubernetes_version" {
  description = "Minor version of Kubernetes. Check the end of its standard support before every change."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^1\\.(3[4-9]|[4-9][0-9])$", var.kubernetes_version))
    error_message = "kubernetes_version: expected 1.34 or newer; older ones have left standard support."
  }
}

variable "vpc_id" {
  description = "VPC of the cluster."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "Private subnets for nodes and pods, one in each of three zones."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) == 3
    error_message = "subnet_ids: expected three subnets, one for each zone."
  }
}

variable "public_access_cidrs" {
  description = "Networks that may reach the API endpoint from outside the VPC; none closes it."
  type        = list(string)
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.public_access_cidrs : can(cidrnetmask(cidr))])
    error_message = "public_access_cidrs: expected IPv4 networks such as 203.0.113.0/24."
  }

  validation {
    condition     = alltrue([for cidr in var.public_access_cidrs : try(tonumber(split("/", cidr)[1]) >= 8, false)])
    error_message = "public_access_cidrs: expected networks of /8 or smaller; 0.0.0.0/0 opens the API to the world."
  }
}

variable "addon_versions" {
  description = "Version of each EKS add-on. Null leaves the choice to EKS when the add-on is created."
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

variable "node_groups" {
  description = "Managed node groups by name. Volumes in GiB, throughput in MiB/s."
  type = map(object({
    instance_type     = string
    min_size          = number
    desired_size      = number
    max_size          = number
    labels            = map(string)
    tainted           = bool
    volume_gib        = number
    volume_iops       = number
    volume_throughput = number
  }))
  nullable = false

  validation {
    condition     = alltrue([for group in values(var.node_groups) : group.min_size >= 3])
    error_message = "node_groups: expected min_size of at least 3, a node in each zone; volumes of a zone without a node cannot be attached."
  }

  validation {
    condition = alltrue([
      for group in values(var.node_groups) : group.min_size <= group.desired_size && group.desired_size <= group.max_size
    ])
    error_message = "node_groups: expected min_size <= desired_size <= max_size."
  }

  validation {
    condition = alltrue([
      for group in values(var.node_groups) :
      group.volume_iops >= 3000 && group.volume_iops <= min(16000, 500 * group.volume_gib) &&
      group.volume_throughput >= 125 && group.volume_throughput <= min(1000, group.volume_iops / 4)
    ])
    error_message = "node_groups: gp3 has 3000 to 16000 IOPS (at most 500 for each GiB) and 125 to 1000 MiB/s (at most a quarter of the IOPS)."
  }
}

variable "admin_role_arn" {
  description = "Role of the people who administer the cluster."
  type        = string
  nullable    = false
}

variable "delivery_role_arn" {
  description = "Role of the delivery pipeline; it may edit one namespace."
  type        = string
  nullable    = false
}

variable "namespace" {
  description = "Namespace of the application."
  type        = string
  nullable    = false
}

variable "load_balancer_security_group_id" {
  description = "Security group of the load balancer that sends to the pods."
  type        = string
  nullable    = false
}

variable "load_balancer_ports" {
  description = "Container ports that the load balancer sends to."
  type        = set(number)
  nullable    = false
}

variable "secret_arns" {
  description = "Secrets that the External Secrets Operator may read."
  type        = list(string)
  nullable    = false
}

variable "secret_key_arns" {
  description = "KMS keys of those secrets."
  type        = list(string)
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether the cluster refuses to be deleted."
  type        = bool
  nullable    = false
}
