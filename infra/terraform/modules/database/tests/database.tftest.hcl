# Parameters in PostgreSQL's units, and what the module refuses. No AWS: the provider is mocked.

mock_provider "aws" {}

variables {
  name                     = "smart-dairy-prod"
  identifier               = "smart-dairy-prod-db-primary"
  vpc_id                   = "vpc-0123456789abcdef0"
  availability_zones       = ["ap-south-1a", "ap-south-1b", "ap-south-1c"]
  subnet_ids               = ["subnet-a", "subnet-b", "subnet-c"]
  client_security_group_id = "sg-0123456789abcdef0"
  monitoring_role_arn      = "arn:aws:iam::123456789012:role/monitoring"
  instance                 = { class = "db.r6gd.2xlarge", memory_gib = 64 }
  storage                  = { gib = 500, iops = 12000 }
  database_name            = "smart_dairy_prod"
  master_username          = "smart_dairy_master"
  deletion_protection      = true
}

run "it_is_a_multi_az_cluster_that_survives" {
  command = plan

  assert {
    condition     = aws_rds_cluster.primary.engine == "postgres" && aws_rds_cluster.primary.db_cluster_instance_class == "db.r6gd.2xlarge"
    error_message = "expected a Multi-AZ DB cluster of PostgreSQL"
  }

  assert {
    condition     = length(aws_rds_cluster.primary.availability_zones) == 3
    error_message = "expected an instance in each of three zones"
  }

  assert {
    condition     = aws_rds_cluster.primary.storage_encrypted && aws_rds_cluster.primary.deletion_protection && !aws_rds_cluster.primary.skip_final_snapshot
    error_message = "expected encryption, deletion protection and a last snapshot"
  }

  assert {
    condition     = aws_rds_cluster.primary.manage_master_user_password && aws_rds_cluster.primary.master_password == null
    error_message = "expected RDS to keep the master password, not the state"
  }

  assert {
    condition     = aws_rds_cluster.primary.final_snapshot_identifier == "smart-dairy-prod-final-1"
    error_message = "the last snapshot's name has to be the same in every plan"
  }
}

run "memory_is_in_the_units_of_postgresql" {
  command = plan

  assert {
    condition     = output.parameters["work_mem"].value == "32768"
    error_message = "work_mem: expected 32 MiB as 32768 kB, got ${output.parameters["work_mem"].value}"
  }

  assert {
    condition     = output.parameters["effective_cache_size"].value == "4194304"
    error_message = "effective_cache_size: expected 32 GiB as 4194304 pages of 8 kB, got ${output.parameters["effective_cache_size"].value}"
  }

  assert {
    condition     = output.parameters["maintenance_work_mem"].value == "1048576"
    error_message = "maintenance_work_mem: expected 1 GiB as 1048576 kB, got ${output.parameters["maintenance_work_mem"].value}"
  }
}

run "static_parameters_wait_for_a_reboot" {
  command = plan

  assert {
    condition = alltrue([
      for name in ["max_connections", "shared_preload_libraries", "rds.force_ssl"] : output.parameters[name].method == "pending-reboot"
    ])
    error_message = "a static parameter is applied at once, which the API refuses"
  }

  assert {
    condition     = output.parameters["rds.force_ssl"].value == "1"
    error_message = "connections without TLS are admitted"
  }
}

run "more_sort_memory_than_there_is_is_refused" {
  command = plan

  variables {
    work_mem_mib = 250
  }

  expect_failures = [aws_rds_cluster.primary]
}

run "half_of_the_memory_is_still_admitted" {
  command = plan

  variables {
    work_mem_mib    = 64
    max_connections = 512
  }
}

run "a_class_without_local_disks_is_refused" {
  command = plan

  variables {
    instance = { class = "db.r6i.2xlarge", memory_gib = 64 }
  }

  expect_failures = [var.instance]
}

run "a_pinned_minor_version_is_refused" {
  command = plan

  variables {
    engine_version = "16.1"
  }

  expect_failures = [var.engine_version]
}

run "two_zones_are_refused" {
  command = plan

  variables {
    availability_zones = ["ap-south-1a", "ap-south-1b", "ap-south-1b"]
  }

  expect_failures = [var.availability_zones]
}

run "windows_that_overlap_are_refused" {
  command = plan

  variables {
    windows = { backup = "20:30-21:30", maintenance = "fri:20:00-fri:21:00" }
  }

  expect_failures = [var.windows]
}

run "windows_that_only_touch_are_admitted" {
  command = plan

  variables {
    windows = { backup = "19:00-20:00", maintenance = "fri:20:00-fri:21:00" }
  }
}

run "no_backups_are_refused" {
  command = plan

  variables {
    backup_retention_days = 0
  }

  expect_failures = [var.backup_retention_days]
}

run "too_few_operations_a_second_are_refused" {
  command = plan

  variables {
    storage = { gib = 500, iops = 3000 }
  }

  expect_failures = [var.storage]
}

run "a_reserved_user_name_is_refused" {
  command = plan

  variables {
    master_username = "postgres"
  }

  expect_failures = [var.master_username]
}
