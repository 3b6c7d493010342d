# Hosted zone, and one certificate in each region that needs one. Every certificate is handed on
# only once it is issued.

resource "aws_route53_zone" "main" {
  count = var.create_zone ? 1 : 0

  name    = var.domain
  comment = "Public zone of the Smart Dairy platform"

  tags = { Name = var.domain }
}

data "aws_route53_zone" "main" {
  count = var.create_zone ? 0 : 1

  name         = var.domain
  private_zone = false
}

locals {
  zone_id    = var.create_zone ? aws_route53_zone.main[0].zone_id : data.aws_route53_zone.main[0].zone_id
  cdn_domain = "cdn.${var.domain}"
}

# The wildcard covers app, api, www and cdn. Apex and wildcard are proven by one and the same
# record, so there is one record resource for both. The apex is named twice, because ACM lists it
# among the alternative names and the plan is to settle.
resource "aws_acm_certificate" "main" {
  domain_name               = var.domain
  subject_alternative_names = [var.domain, "*.${var.domain}"]
  validation_method         = "DNS"

  tags = { Name = "smart-dairy-prod-cert" }

  lifecycle {
    create_before_destroy = true
  }
}

locals {
  main_validation = one([
    for option in aws_acm_certificate.main.domain_validation_options : option
    if option.domain_name == var.domain
  ])
}

resource "aws_route53_record" "main_validation" {
  zone_id = local.zone_id
  name    = local.main_validation.resource_record_name
  type    = local.main_validation.resource_record_type
  records = [local.main_validation.resource_record_value]
  ttl     = 60
}

resource "aws_acm_certificate_validation" "main" {
  certificate_arn         = aws_acm_certificate.main.arn
  validation_record_fqdns = [aws_route53_record.main_validation.fqdn]
}

# ---- CloudFront ------------------------------------------------------------------------------

resource "aws_acm_certificate" "cdn" {
  provider = aws.us_east_1

  domain_name       = local.cdn_domain
  validation_method = "DNS"

  tags = { Name = "smart-dairy-cdn-cert" }

  lifecycle {
    create_before_destroy = true
  }
}

locals {
  cdn_validation = one([
    for option in aws_acm_certificate.cdn.domain_validation_options : option
    if option.domain_name == local.cdn_domain
  ])
}

resource "aws_route53_record" "cdn_validation" {
  zone_id = local.zone_id
  name    = local.cdn_validation.resource_record_name
  type    = local.cdn_validation.resource_record_type
  records = [local.cdn_validation.resource_record_value]
  ttl     = 60
}

resource "aws_acm_certificate_validation" "cdn" {
  provider = aws.us_east_1

  certificate_arn         = aws_acm_certificate.cdn.arn
  validation_record_fqdns = [aws_route53_record.cdn_validation.fqdn]
}
