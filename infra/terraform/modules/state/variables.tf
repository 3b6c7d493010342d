variable "bucket" {
  description = "Name of the bucket that keeps Terraform's state."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket: expected 3 to 63 lower-case letters, digits, dots and hyphens."
  }
}

variable "noncurrent_days" {
  description = "Days for which earlier states can be brought back."
  type        = number
  nullable    = false
  default     = 180

  validation {
    condition     = var.noncurrent_days >= 30
    error_message = "noncurrent_days: expected at least 30; a broken state may be noticed late."
  }
}
