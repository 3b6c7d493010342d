output "load_balancer_arn" {
  description = "ARN of the load balancer."
  value       = aws_lb.main.arn
}

output "load_balancer_dns_name" {
  description = "Name of the load balancer."
  value       = aws_lb.main.dns_name
}

output "load_balancer_security_group_id" {
  description = "Security group of the load balancer, for the rules of the nodes."
  value       = aws_security_group.load_balancer.id
}

output "target_group_arns" {
  description = "Target group by name, for the TargetGroupBindings."
  value       = { for name, group in aws_lb_target_group.main : name => group.arn }
}

output "distribution_id" {
  description = "Id of the CloudFront distribution."
  value       = aws_cloudfront_distribution.main.id
}

output "distribution_domain_name" {
  description = "Name of the CloudFront distribution."
  value       = aws_cloudfront_distribution.main.domain_name
}

output "hosts" {
  description = "Names that lead to the load balancer."
  value       = keys(aws_route53_record.load_balancer)
}
