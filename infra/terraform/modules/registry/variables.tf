variable "repositories" {
  description = "Names of the image repositories."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.repositories) > 0 && alltrue([for name in var.repositories : can(regex("^[a-z0-9]+([._/-][a-z0-9]+)*$", name))])
    error_message = "repositories: expected at least one name of lower-case letters and digits."
  }
}

variable "kept_images" {
  description = "Images that are kept in each repository; the number of releases that can be gone back."
  type        = number
  nullable    = false
  default     = 50

  validation {
    condition     = var.kept_images >= 10
    error_message = "kept_images: expected at least 10."
  }
}

variable "force_delete" {
  description = "Whether repositories may be deleted with what they hold. For rehearsals only."
  type        = bool
  nullable    = false
  default     = false
}

variable "cluster_arn" {
  description = "ARN of the cluster that the pipeline delivers to."
  type        = string
  nullable    = false
}

variable "delivery_subject" {
  description = "Subject of the pipeline's token, such as repo:OWNER/NAME:environment:production."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^repo:[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+:(environment:[A-Za-z0-9_-]+|ref:refs/heads/[A-Za-z0-9_./-]+)$", var.delivery_subject))
    error_message = "delivery_subject: expected repo:OWNER/NAME:environment:NAME or repo:OWNER/NAME:ref:refs/heads/BRANCH, without wildcards."
  }
}
