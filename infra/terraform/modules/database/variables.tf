variable "name" {
  description = "Prefix of what the module makes, such as smart-dairy-prod."
  type        = string
  nullable    = false
}

variable "identifier" {
  description = "Identifier of the database cluster; RDS calls its instances identifier-instance-1 to 3."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,50}[a-z0-9]$", var.identifier)) && !strcontains(var.identifier, "--")
    error_message = "identifier: expected lower-case letters, digits and single hyphens, beginning with a letter."
  }
}

variable "vpc_id" {
  description = "VPC of the database."
  type        = string
  nullable    = false
}

variable "availability_zones" {
  description = "The three zones of the writer and its two readers."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(distinct(var.availability_zones)) == 3
    error_message = "availability_zones: expected three different zones; a Multi-AZ DB cluster has an instance in each."
  }
}

variable "subnet_ids" {
  description = "Database subnets, one in each of the three zones."
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

variable "monitoring_role_arn" {
  description = "ARN of the role for Enhanced Monitoring."
  type        = string
  nullable    = false
}

variable "engine_version" {
  description = "Major version of PostgreSQL. The minor one is chosen and upgraded by AWS in the maintenance window; a pinned one would be planned back."
  type        = string
  nullable    = false
  default     = "16"

  validation {
    condition     = can(regex("^1[6-9]$", var.engine_version))
    error_message = "engine_version: expected a major version from 16 to 19 without a minor one."
  }
}

variable "instance" {
  description = "Class of each instance and its memory in GiB. A Multi-AZ DB cluster needs a class with local disks (d)."
  type = object({
    class      = string
    memory_gib = number
  })
  nullable = false

  validation {
    condition     = can(regex("^db\\.[a-z][0-9]+[a-z]*d[a-z]*\\.[0-9]*x?large$", var.instance.class))
    error_message = "instance.class: expected a class with local disks such as db.r6gd.2xlarge."
  }
}

variable "storage" {
  description = "Storage of each instance: GiB, and IOPS, which a Multi-AZ DB cluster demands to be stated."
  type = object({
    gib  = number
    iops = number
  })
  nullable = false

  validation {
    condition     = var.storage.gib >= 400 && var.storage.iops >= 12000 && var.storage.iops <= 50 * var.storage.gib
    error_message = "storage: expected at least 400 GiB, and IOPS from 12000 (the baseline of gp3 at that size) to 50 for each GiB."
  }
}

variable "max_connections" {
  description = "Connections that the database admits."
  type        = number
  nullable    = false
  default     = 500

  validation {
    condition     = var.max_connections >= 100 && var.max_connections <= 5000
    error_message = "max_connections: expected 100 to 5000."
  }
}

variable "work_mem_mib" {
  description = "Memory in MiB for each sort or hash of each connection."
  type        = number
  nullable    = false
  default     = 32

  validation {
    condition     = var.work_mem_mib >= 1 && floor(var.work_mem_mib) == var.work_mem_mib
    error_message = "work_mem_mib: expected a whole number of MiB."
  }
}

variable "database_name" {
  description = "Name of the first database."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.database_name))
    error_message = "database_name: expected lower-case letters, digits and underscores, beginning with a letter."
  }
}

variable "master_username" {
  description = "Name of the master user; RDS makes and rotates the password in Secrets Manager."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.master_username)) && !contains(["admin", "postgres", "rdsadmin"], var.master_username)
    error_message = "master_username: expected lower-case letters, digits and underscores, and none of admin, postgres, rdsadmin."
  }
}

variable "backup_retention_days" {
  description = "Days for which any second can be restored."
  type        = number
  nullable    = false
  default     = 30

  validation {
    condition     = var.backup_retention_days >= 7 && var.backup_retention_days <= 35
    error_message = "backup_retention_days: expected 7 to 35; 0 would switch point-in-time recovery off."
  }
}

variable "windows" {
  description = "Backup window (hh:mm-hh:mm) and maintenance window (ddd:hh:mm-ddd:hh:mm), both UTC; Dhaka is six hours ahead."
  type = object({
    backup      = string
    maintenance = string
  })
  nullable = false
  default = {
    backup      = "18:00-19:00"
    maintenance = "fri:20:00-fri:21:00"
  }

  validation {
    condition     = can(regex("^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$", var.windows.backup))
    error_message = "windows.backup: expected hh:mm-hh:mm."
  }

  validation {
    condition     = can(regex("^(mon|tue|wed|thu|fri|sat|sun):[0-2][0-9]:[0-5][0-9]-(mon|tue|wed|thu|fri|sat|sun):[0-2][0-9]:[0-5][0-9]$", var.windows.maintenance))
    error_message = "windows.maintenance: expected ddd:hh:mm-ddd:hh:mm with lower-case days."
  }

  # Hours and minutes as one number: the windows lie within a day and are compared in its order.
  validation {
    condition = try(
      tonumber(replace(split("-", var.windows.backup)[1], ":", "")) <= tonumber(replace(substr(split("-", var.windows.maintenance)[0], 4, 5), ":", "")) ||
      tonumber(replace(substr(split("-", var.windows.maintenance)[1], 4, 5), ":", "")) <= tonumber(replace(split("-", var.windows.backup)[0], ":", "")),
      false,
    )
    error_message = "windows: expected a backup window that does not touch the maintenance window; RDS refuses the pair."
  }
}

variable "generation" {
  description = "Counts the databases of this name: part of the final snapshot's name, raised when a deleted one is made anew."
  type        = number
  nullable    = false
  default     = 1
}

variable "deletion_protection" {
  description = "Whether the database refuses to be deleted."
  type        = bool
  nullable    = false
}

variable "skip_final_snapshot" {
  description = "Whether the database may be deleted without a last snapshot. For rehearsals only."
  type        = bool
  nullable    = false
  default     = false
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
