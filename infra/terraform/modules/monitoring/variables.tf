variable "name" {
  description = "Prefix of what the module makes, such as smart-dairy-prod."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "Id of the AWS account (12 digits)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id: expected 12 digits."
  }
}

variable "region" {
  description = "Region of the log groups."
  type        = string
  nullable    = false
}

variable "cluster_name" {
  description = "Name of the EKS cluster; its control plane writes to a log group of that name."
  type        = string
  nullable    = false
}

variable "database_identifier" {
  description = "Identifier of the database cluster; RDS writes to log groups of that name."
  type        = string
  nullable    = false
}

variable "database_storage_gib" {
  description = "Storage of each database instance in GiB; the alarm is set at a fifth of it."
  type        = number
  nullable    = false
}

variable "retention_days" {
  description = "Days for which log events are kept, by kind of log."
  type = object({
    flow_log = optional(number, 90)
    cluster  = optional(number, 90)
    database = optional(number, 30)
    cache    = optional(number, 30)
  })
  nullable = false
  default  = {}

  validation {
    condition = alltrue([
      for days in values(var.retention_days) :
      contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], days)
    ])
    error_message = "retention_days: expected a number of days that CloudWatch Logs knows (such as 30, 90, 365); 0 would keep events for ever."
  }
}
