output "name" {
  description = "Name of the cluster."
  value       = aws_eks_cluster.main.name
}

output "endpoint" {
  description = "Address of the Kubernetes API."
  value       = aws_eks_cluster.main.endpoint
}

output "certificate_authority" {
  description = "CA of the Kubernetes API, base64."
  value       = aws_eks_cluster.main.certificate_authority[0].data
}

output "oidc_provider_arn" {
  description = "ARN of the identity provider for service accounts."
  value       = aws_iam_openid_connect_provider.cluster.arn
}

output "node_security_group_id" {
  description = "Security group of all nodes, for the rules of databases and caches."
  value       = aws_security_group.nodes.id
}

output "node_group_names" {
  description = "Names of the node groups."
  value       = [for group in aws_eks_node_group.main : group.node_group_name]
}

output "service_account_role_arns" {
  description = "Role of each service account, by namespace:name; the pipeline writes them into the controllers' annotations."
  value = {
    for role in [
      module.vpc_cni_role,
      module.ebs_csi_role,
      module.load_balancer_controller_role,
      module.cluster_autoscaler_role,
      module.external_secrets_role,
    ] : role.service_account => role.arn
  }
}
