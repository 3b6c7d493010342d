output "zone_id" {
  description = "Id of the hosted zone."
  value       = local.zone_id
}

output "name_servers" {
  description = "Name servers to enter at the registrar; empty where the zone was there already."
  value       = var.create_zone ? aws_route53_zone.main[0].name_servers : []
}

output "certificate_arn" {
  description = "Issued certificate for the apex and all names below it, for the load balancer."
  value       = aws_acm_certificate_validation.main.certificate_arn
}

output "cdn_certificate_arn" {
  description = "Issued certificate of us-east-1 for CloudFront."
  value       = aws_acm_certificate_validation.cdn.certificate_arn
}
