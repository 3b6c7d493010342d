# The production environment of the Smart Dairy platform.

data "aws_caller_identity" "current" {}

locals {
  name                = "smart-dairy-prod"
  cluster_name        = "smart-dairy-prod-eks"
  database_identifier = "smart-dairy-prod-db-primary"
  namespace           = "smart-dairy-prod"
  account_id          = data.aws_caller_identity.current.account_id

  database_storage = { gib = 500, iops = 12000 }

  hosts = {
    apex = var.domain
    www  = "www.${var.domain}"
    app  = "app.${var.domain}"
    api  = "api.${var.domain}"
  }

  asset_origins = [for name in ["apex", "www", "app"] : "https://${local.hosts[name]}"]

  # Container ports of the applications, as in infra/kubernetes.
  targets = {
    backend     = { port = 8069, health_path = "/web/health", sticky = true }
    longpolling = { port = 8072, health_path = "/web/health", sticky = true }
    frontend    = { port = 3000, health_path = "/health", sticky = false }
    gateway     = { port = 8000, health_path = "/health", sticky = false }
  }

  routes = [
    { hosts = [local.hosts.app], paths = ["/longpolling*", "/websocket*"], target = "longpolling" },
    { hosts = [local.hosts.app], target = "backend" },
    { hosts = [local.hosts.api], target = "gateway" },
    { hosts = [local.hosts.apex, local.hosts.www], target = "frontend" },
  ]
}

module "monitoring" {
  source = "../modules/monitoring"

  name                 = local.name
  account_id           = local.account_id
  region               = var.aws_region
  cluster_name         = local.cluster_name
  database_identifier  = local.database_identifier
  database_storage_gib = local.database_storage.gib
}

module "network" {
  source = "../modules/network"

  name               = local.name
  cluster_name       = local.cluster_name
  region             = var.aws_region
  vpc_cidr           = var.vpc_cidr
  availability_zones = var.availability_zones
  flow_log_group_arn = module.monitoring.flow_log_group_arn
  flow_log_role_arn  = module.monitoring.flow_log_role_arn
}

# Who administers the cluster: people of this account who have signed in with a second factor.
resource "aws_iam_role" "admin" {
  name = "SmartDairyAdminRole"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = "arn:aws:iam::${local.account_id}:root" }
      Condition = { Bool = { "aws:MultiFactorAuthPresent" = "true" } }
    }]
  })

  tags = { Name = "SmartDairyAdminRole" }
}

module "registry" {
  source = "../modules/registry"

  repositories     = ["smart-dairy-backend", "smart-dairy-frontend", "smart-dairy-gateway"]
  cluster_arn      = "arn:aws:eks:${var.aws_region}:${local.account_id}:cluster/${local.cluster_name}"
  delivery_subject = var.delivery_subject
  force_delete     = var.rehearsal
}

module "cluster" {
  source = "../modules/cluster"

  name                = local.cluster_name
  account_id          = local.account_id
  region              = var.aws_region
  kubernetes_version  = var.kubernetes_version
  addon_versions      = var.addon_versions
  vpc_id              = module.network.vpc_id
  subnet_ids          = module.network.private_subnet_ids
  public_access_cidrs = var.api_public_access_cidrs
  namespace           = local.namespace
  admin_role_arn      = aws_iam_role.admin.arn
  delivery_role_arn   = module.registry.delivery_role_arn
  deletion_protection = var.deletion_protection

  load_balancer_security_group_id = module.edge.load_balancer_security_group_id
  load_balancer_ports             = toset([for target in values(local.targets) : target.port])

  secret_arns     = [module.database.application_secret_arn, module.cache.secret_arn]
  secret_key_arns = [module.database.key_arn, module.cache.key_arn]

  node_groups = {
    "smart-dairy-app-nodes" = {
      instance_type     = "t3.xlarge"
      min_size          = 3
      desired_size      = 5
      max_size          = 15
      labels            = { role = "application", environment = "production" }
      tainted           = false
      volume_gib        = 100
      volume_iops       = 3000
      volume_throughput = 125
    }
    "smart-dairy-db-nodes" = {
      instance_type     = "r6i.xlarge"
      min_size          = 3
      desired_size      = 3
      max_size          = 6
      labels            = { role = "database" }
      tainted           = true
      volume_gib        = 200
      volume_iops       = 6000
      volume_throughput = 250
    }
  }
}

module "database" {
  source = "../modules/database"

  name                     = local.name
  identifier               = local.database_identifier
  vpc_id                   = module.network.vpc_id
  availability_zones       = var.availability_zones
  subnet_ids               = module.network.database_subnet_ids
  client_security_group_id = module.cluster.node_security_group_id
  monitoring_role_arn      = module.monitoring.rds_monitoring_role_arn
  instance                 = { class = "db.r6gd.2xlarge", memory_gib = 64 }
  storage                  = local.database_storage
  database_name            = "smart_dairy_prod"
  master_username          = var.database_master_username
  deletion_protection      = var.deletion_protection
  skip_final_snapshot      = var.rehearsal
  secret_recovery_days     = var.rehearsal ? 0 : 30
}

module "cache" {
  source = "../modules/cache"

  name                     = local.name
  vpc_id                   = module.network.vpc_id
  subnet_ids               = module.network.private_subnet_ids
  client_security_group_id = module.cluster.node_security_group_id
  node_type                = "cache.r6g.large"
  auth_token               = var.redis_auth_token
  log_group_names          = module.monitoring.cache_log_group_names
  keep_final_snapshot      = !var.rehearsal
  secret_recovery_days     = var.rehearsal ? 0 : 30
}

module "storage" {
  source = "../modules/storage"

  name          = local.name
  asset_origins = local.asset_origins
  force_destroy = var.rehearsal
}

module "dns_and_certificates" {
  source = "../modules/dns_and_certificates"

  domain      = var.domain
  create_zone = var.create_zone

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }
}

module "edge" {
  source = "../modules/edge"

  name                = local.name
  domain              = var.domain
  zone_id             = module.dns_and_certificates.zone_id
  vpc_id              = module.network.vpc_id
  public_subnet_ids   = module.network.public_subnet_ids
  private_cidrs       = values(module.network.subnet_cidrs.private)
  certificate_arn     = module.dns_and_certificates.certificate_arn
  cdn_certificate_arn = module.dns_and_certificates.cdn_certificate_arn
  asset_origins       = local.asset_origins
  targets             = local.targets
  routes              = local.routes
  deletion_protection = var.deletion_protection

  assets = {
    bucket          = module.storage.assets_bucket
    arn             = module.storage.assets_bucket_arn
    domain_name     = module.storage.assets_bucket_domain_name
    deny_plain_http = module.storage.assets_deny_plain_http
  }
}
