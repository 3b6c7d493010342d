variable "name" {
  description = "Prefix of what the module makes, such as smart-dairy-prod."
  type        = string
  nullable    = false
}

variable "vpc_id" {
  description = "VPC of the cache."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "Private subnets, one in each of three zones."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) == 3
    error_message = "subnet_ids: expected three subnets, one for each zone."
  }
}

variable "client_security_group_id" {
  description = "Security group whose members may connect."
  type        = string
  nullable    = false
}

variable "engine_version" {
  description = "Version of Redis."
  type        = string
  nullable    = false
  default     = "7.1"

  validation {
    condition     = var.engine_version == "7.1"
    error_message = "engine_version: expected 7.1, the last Redis release of ElastiCache. Newer engines are Valkey, another decision."
  }
}

variable "node_type" {
  description = "Type of each node."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.node_type, "cache.") && !startswith(var.node_type, "cache.t")
    error_message = "node_type: expected a cache.* type that is not burstable; a latency under 1 ms needs CPU at any time."
  }
}

variable "node_count" {
  description = "Primary and replicas, one in each zone."
  type        = number
  nullable    = false
  default     = 3

  validation {
    condition     = var.node_count >= 3 && var.node_count <= 6
    error_message = "node_count: expected 3 to 6, at least one in each zone."
  }
}

variable "auth_token" {
  description = "Password of the cache. It is kept in the state, which is why the state bucket is encrypted and closed."
  type        = string
  nullable    = false
  sensitive   = true

  validation {
    condition     = can(regex("^[A-Za-z0-9!&#$^<>-]{16,128}$", var.auth_token))
    error_message = "auth_token: expected 16 to 128 letters, digits or any of ! & # $ ^ < > -."
  }
}

variable "log_group_names" {
  description = "Log groups by kind: slow-log and engine-log."
  type        = map(string)
  nullable    = false

  validation {
    condition     = toset(keys(var.log_group_names)) == toset(["slow-log", "engine-log"])
    error_message = "log_group_names: expected exactly the keys slow-log and engine-log."
  }
}

variable "generation" {
  description = "Counts the caches of this name: part of the final snapshot's name."
  type        = number
  nullable    = false
  default     = 1
}

variable "keep_final_snapshot" {
  description = "Whether a last snapshot is made when the cache is deleted. Off for rehearsals only."
  type        = bool
  nullable    = false
  default     = true
}

variable "secret_recovery_days" {
  description = "Days for which a deleted secret can be brought back; 0 deletes at once. Its name is taken until then."
  type        = number
  nullable    = false
  default     = 30

  validation {
    condition     = var.secret_recovery_days == 0 || (var.secret_recovery_days >= 7 && var.secret_recovery_days <= 30)
    error_message = "secret_recovery_days: expected 0 or 7 to 30."
  }
}
