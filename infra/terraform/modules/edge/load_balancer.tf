# The one load balancer. Pods join its target groups through TargetGroupBindings, so DNS, CDN and
# certificates never depend on something that a controller makes later.

resource "aws_security_group" "load_balancer" {
  name        = "smart-dairy-alb"
  description = "Security group of the load balancer"
  vpc_id      = var.vpc_id

  tags = { Name = "smart-dairy-alb-sg" }
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer" {
  for_each = { http = 80, https = 443 }

  security_group_id = aws_security_group.load_balancer.id
  description       = "${upper(each.key)} from the internet"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
}

locals {
  ports = toset([for target in values(var.targets) : tostring(target.port)])

  port_and_network = {
    for pair in setproduct(local.ports, var.private_cidrs) :
    "${pair[0]}-${pair[1]}" => { port = tonumber(pair[0]), cidr = pair[1] }
  }
}

resource "aws_vpc_security_group_egress_rule" "load_balancer" {
  for_each = local.port_and_network

  security_group_id = aws_security_group.load_balancer.id
  description       = "Pods and their health checks on port ${each.value.port}"
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

resource "aws_lb" "main" {
  name               = "${var.name}-alb"
  load_balancer_type = "application"
  internal           = false
  subnets            = var.public_subnet_ids
  security_groups    = [aws_security_group.load_balancer.id]

  drop_invalid_header_fields = true
  enable_deletion_protection = var.deletion_protection

  tags = { Name = "${var.name}-alb" }
}

resource "aws_lb_target_group" "main" {
  for_each = var.targets

  name                 = "smart-dairy-${each.key}"
  target_type          = "ip"
  vpc_id               = var.vpc_id
  protocol             = "HTTP"
  port                 = each.value.port
  deregistration_delay = var.deregistration_seconds

  health_check {
    path                = each.value.health_path
    protocol            = "HTTP"
    port                = "traffic-port"
    matcher             = "200"
    interval            = 30
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }

  stickiness {
    type            = "lb_cookie"
    enabled         = each.value.sticky
    cookie_duration = 86400
  }

  tags = { Name = "smart-dairy-${each.key}" }
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.main.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "redirect"

    redirect {
      protocol    = "HTTPS"
      port        = "443"
      status_code = "HTTP_301"
    }
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.main.arn
  port              = 443
  protocol          = "HTTPS"
  certificate_arn   = var.certificate_arn

  # TLS 1.3 and 1.2 only. The default would still accept 1.0.
  ssl_policy = "ELBSecurityPolicy-TLS13-1-2-2021-06"

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = "No such host"
      status_code  = "404"
    }
  }
}

resource "aws_lb_listener_rule" "main" {
  for_each = { for index, route in var.routes : format("%03d-%s", index + 1, route.target) => merge(route, { priority = index + 1 }) }

  listener_arn = aws_lb_listener.https.arn
  priority     = each.value.priority

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.main[each.value.target].arn
  }

  condition {
    host_header {
      values = each.value.hosts
    }
  }

  dynamic "condition" {
    for_each = length(each.value.paths) > 0 ? [each.value.paths] : []

    content {
      path_pattern {
        values = condition.value
      }
    }
  }

  tags = { Name = each.key }
}

# ---- names -----------------------------------------------------------------------------------

resource "aws_route53_record" "load_balancer" {
  for_each = toset(flatten([for route in var.routes : route.hosts]))

  zone_id = var.zone_id
  name    = each.key
  type    = "A"

  alias {
    name                   = aws_lb.main.dns_name
    zone_id                = aws_lb.main.zone_id
    evaluate_target_health = true
  }
}
