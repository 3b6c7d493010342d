variable "name" {
  description = "Prefix of what the module makes, such as smart-dairy-prod."
  type        = string
  nullable    = false
}

variable "domain" {
  description = "Domain of the platform."
  type        = string
  nullable    = false
}

variable "zone_id" {
  description = "Hosted zone of the domain."
  type        = string
  nullable    = false
}

variable "vpc_id" {
  description = "VPC of the load balancer."
  type        = string
  nullable    = false
}

variable "public_subnet_ids" {
  description = "Public subnets, one in each of three zones."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.public_subnet_ids) == 3
    error_message = "public_subnet_ids: expected three subnets, one for each zone."
  }
}

variable "private_cidrs" {
  description = "Networks of the pods, the only ones that the load balancer sends to."
  type        = list(string)
  nullable    = false
}

variable "certificate_arn" {
  description = "Issued certificate of the load balancer."
  type        = string
  nullable    = false
}

variable "cdn_certificate_arn" {
  description = "Issued certificate of us-east-1 for CloudFront."
  type        = string
  nullable    = false
}

variable "assets" {
  description = "The assets bucket: name, ARN, regional domain name and the statement that denies plain HTTP."
  type = object({
    bucket          = string
    arn             = string
    domain_name     = string
    deny_plain_http = any
  })
  nullable = false
}

variable "asset_origins" {
  description = "Origins whose pages may load assets."
  type        = list(string)
  nullable    = false
}

variable "targets" {
  description = "Target groups: container port, path of the health check, whether a client stays with its pod."
  type = map(object({
    port        = number
    health_path = string
    sticky      = bool
  }))
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.targets) : length("smart-dairy-${name}") <= 32])
    error_message = "targets: expected names of at most 20 characters; target groups have 32."
  }
}

variable "routes" {
  description = "Rules of the load balancer in their order: host, paths (empty for all), target group."
  type = list(object({
    hosts  = list(string)
    paths  = optional(list(string), [])
    target = string
  }))
  nullable = false

  validation {
    condition     = alltrue([for route in var.routes : length(route.hosts) > 0 && length(route.hosts) + length(route.paths) <= 5])
    error_message = "routes: expected at least one host and at most five hosts and paths in each rule, the limit of a load balancer."
  }

  validation {
    condition     = alltrue([for route in var.routes : contains(keys(var.targets), route.target)])
    error_message = "routes: expected a target that is one of the target groups."
  }
}

variable "deregistration_seconds" {
  description = "Seconds for which a leaving pod may finish its requests; less than its grace period of 60."
  type        = number
  nullable    = false
  default     = 45

  validation {
    condition     = var.deregistration_seconds > 15 && var.deregistration_seconds < 60
    error_message = "deregistration_seconds: expected more than the preStop of 15 s and less than the grace period of 60 s."
  }
}

variable "deletion_protection" {
  description = "Whether the load balancer refuses to be deleted."
  type        = bool
  nullable    = false
}
