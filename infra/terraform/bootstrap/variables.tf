variable "aws_region" {
  description = "Region of the state bucket."
  type        = string
  nullable    = false
  default     = "ap-south-1"
}

variable "bucket" {
  description = "Name of the state bucket, as the backend of ../production names it."
  type        = string
  nullable    = false
  default     = "smart-dairy-terraform-state-prod"
}
