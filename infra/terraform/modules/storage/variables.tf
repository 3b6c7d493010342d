variable "name" {
  description = "Prefix of the buckets, such as smart-dairy-prod."
  type        = string
  nullable    = false
}

variable "asset_origins" {
  description = "Origins whose pages may load assets from another host, such as https://app.smartdairy.com.bd."
  type        = list(string)
  nullable    = false

  validation {
    condition     = alltrue([for origin in var.asset_origins : can(regex("^https://[a-z0-9.-]+$", origin))])
    error_message = "asset_origins: expected https:// and a host name, without a path or a wildcard."
  }
}

variable "backup_days" {
  description = "Days after which a backup moves to infrequent access, to Glacier, and is deleted."
  type = object({
    infrequent_access = optional(number, 30)
    glacier           = optional(number, 90)
    expiration        = optional(number, 365)
  })
  nullable = false
  default  = {}

  validation {
    condition = (
      var.backup_days.infrequent_access >= 30 &&
      var.backup_days.glacier >= var.backup_days.infrequent_access + 30 &&
      var.backup_days.expiration >= var.backup_days.glacier + 90
    )
    error_message = "backup_days: expected at least 30 days until infrequent access, 30 more until Glacier and 90 more until deletion; those are the shortest times that are paid for."
  }
}

variable "force_destroy" {
  description = "Whether buckets may be deleted with what they hold. For rehearsals only."
  type        = bool
  nullable    = false
  default     = false
}
