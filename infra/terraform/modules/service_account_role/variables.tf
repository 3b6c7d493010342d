variable "name" {
  description = "Name of the role, such as smart-dairy-vpc-cni-irsa."
  type        = string
  nullable    = false
}

variable "oidc_provider_arn" {
  description = "ARN of the cluster's identity provider."
  type        = string
  nullable    = false
}

variable "oidc_issuer" {
  description = "Issuer of the cluster's tokens, without https://."
  type        = string
  nullable    = false

  validation {
    condition     = !startswith(var.oidc_issuer, "https://")
    error_message = "oidc_issuer: expected the issuer without https://, as IAM conditions name it."
  }
}

variable "service_account" {
  description = "The one service account that may take the role, as namespace:name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9-]+:[a-z0-9-]+$", var.service_account))
    error_message = "service_account: expected namespace:name without wildcards, such as kube-system:aws-node."
  }
}

variable "managed_policy_arns" {
  description = "Managed policies of the role, by a key of your choice."
  type        = map(string)
  nullable    = false
  default     = {}
}

variable "policy" {
  description = "A policy of the role's own as JSON; null for none."
  type        = string
  default     = null
}
