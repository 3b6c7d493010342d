# What the delivery pipeline fills into the manifests, and what people ask for.

output "vpc_id" {
  description = "Id of the VPC."
  value       = module.network.vpc_id
}

output "subnet_cidrs" {
  description = "Addresses of each tier by zone, as the NetworkPolicies name them."
  value       = module.network.subnet_cidrs
}

output "cluster_name" {
  description = "Name of the EKS cluster."
  value       = module.cluster.name
}

output "cluster_endpoint" {
  description = "Address of the Kubernetes API."
  value       = module.cluster.endpoint
}

output "service_account_role_arns" {
  description = "Role of each controller's service account."
  value       = module.cluster.service_account_role_arns
}

output "repository_urls" {
  description = "Image repositories by name (ECR_REGISTRY is the host of any of them)."
  value       = module.registry.repository_urls
}

output "delivery_role_arn" {
  description = "Role that the delivery pipeline takes."
  value       = module.registry.delivery_role_arn
}

output "rds_primary_endpoint" {
  description = "Name of the database's writer (RDS_PRIMARY_ADDRESS)."
  value       = module.database.primary_endpoint
}

output "rds_replica_endpoint" {
  description = "Name of the database's readers."
  value       = module.database.reader_endpoint
}

output "rds_master_secret_arn" {
  description = "Secret with the database's master password."
  value       = module.database.master_secret_arn
}

output "redis_primary_endpoint" {
  description = "Name of the cache's primary (REDIS_PRIMARY_ADDRESS)."
  value       = module.cache.primary_endpoint
}

output "acm_certificate_arn" {
  description = "Certificate of the load balancer (ACM_CERTIFICATE_ARN)."
  value       = module.dns_and_certificates.certificate_arn
}

output "name_servers" {
  description = "Name servers to enter at the registrar."
  value       = module.dns_and_certificates.name_servers
}

output "load_balancer_dns_name" {
  description = "Name of the load balancer."
  value       = module.edge.load_balancer_dns_name
}

output "target_group_arns" {
  description = "Target groups by name, for the TargetGroupBindings."
  value       = module.edge.target_group_arns
}

output "cloudfront_distribution_id" {
  description = "Id of the CloudFront distribution."
  value       = module.edge.distribution_id
}

output "cloudfront_domain_name" {
  description = "Name of the CloudFront distribution."
  value       = module.edge.distribution_domain_name
}

output "assets_bucket" {
  description = "Bucket of the static assets."
  value       = module.storage.assets_bucket
}

output "backups_bucket" {
  description = "Bucket of the backups."
  value       = module.storage.backups_bucket
}

output "alarm_topic_arn" {
  description = "Topic of the alarms; somebody has to subscribe."
  value       = module.monitoring.alarm_topic_arn
}

# The names below fill the placeholders of the manifests: ${NAME} is the output in lower case.

output "ecr_registry" {
  description = "Host of the image repositories."
  value       = split("/", values(module.registry.repository_urls)[0])[0]
}

output "rds_primary_address" {
  description = "Name of the database's writer."
  value       = module.database.primary_endpoint
}

output "redis_primary_address" {
  description = "Name of the cache's primary."
  value       = module.cache.primary_endpoint
}

output "target_group_backend_arn" {
  description = "Target group of the backend."
  value       = module.edge.target_group_arns["backend"]
}

output "target_group_longpolling_arn" {
  description = "Target group of the backend's long polling."
  value       = module.edge.target_group_arns["longpolling"]
}

output "target_group_frontend_arn" {
  description = "Target group of the frontend."
  value       = module.edge.target_group_arns["frontend"]
}

output "target_group_gateway_arn" {
  description = "Target group of the gateway."
  value       = module.edge.target_group_arns["gateway"]
}
