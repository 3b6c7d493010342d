variable "domain" {
  description = "Domain of the zone and of both certificates, such as smartdairy.com.bd."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain: expected a lower-case domain name without a dot at the end."
  }
}

variable "create_zone" {
  description = "Whether the hosted zone is made here; otherwise one of that name has to be there."
  type        = bool
  nullable    = false
}
