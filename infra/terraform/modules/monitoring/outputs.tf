output "flow_log_group_arn" {
  description = "ARN of the log group of the VPC's flow log."
  value       = aws_cloudwatch_log_group.flow_log.arn
}

output "flow_log_role_arn" {
  description = "ARN of the role that writes the flow log."
  value       = aws_iam_role.flow_log.arn
}

output "cluster_log_group_name" {
  description = "Log group of the cluster's control plane."
  value       = aws_cloudwatch_log_group.cluster.name
}

output "database_log_group_names" {
  description = "Log groups of the database by kind of log."
  value       = { for kind, group in aws_cloudwatch_log_group.database : kind => group.name }
}

output "cache_log_group_names" {
  description = "Log groups of the cache by kind of log (slow-log, engine-log)."
  value       = { for kind, group in aws_cloudwatch_log_group.cache : kind => group.name }
}

output "rds_monitoring_role_arn" {
  description = "ARN of the role for Enhanced Monitoring."
  value       = aws_iam_role.rds_monitoring.arn
}

output "alarm_topic_arn" {
  description = "ARN of the topic that takes all alarms."
  value       = aws_sns_topic.alarms.arn
}
