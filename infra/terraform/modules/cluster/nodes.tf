# Managed node groups over all zones, and the security group that databases and caches admit.

resource "aws_security_group" "nodes" {
  name        = "${var.name}-nodes"
  description = "Nodes of ${var.name}, as databases, caches and the load balancer know them"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-nodes-sg" }
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer" {
  for_each = { for port in var.load_balancer_ports : tostring(port) => port }

  security_group_id            = aws_security_group.nodes.id
  description                  = "Load balancer to pods on port ${each.key}"
  referenced_security_group_id = var.load_balancer_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_vpc_security_group_egress_rule" "nodes" {
  security_group_id = aws_security_group.nodes.id
  description       = "Registry, AWS services and the outside world"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_iam_role" "nodes" {
  name = "${var.name}-node-role"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

# Not AmazonEKS_CNI_Policy: the network plug-in has a role of its own.
resource "aws_iam_role_policy_attachment" "nodes" {
  for_each = toset([
    "AmazonEKSWorkerNodePolicy",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonSSMManagedInstanceCore",
  ])

  role       = aws_iam_role.nodes.name
  policy_arn = "arn:aws:iam::aws:policy/${each.key}"
}

resource "aws_launch_template" "nodes" {
  for_each = var.node_groups

  name                   = each.key
  description            = "Nodes of ${each.key}"
  update_default_version = true

  # Compact, because an emulator makes no security group of the cluster's own.
  vpc_security_group_ids = compact([
    aws_eks_cluster.main.vpc_config[0].cluster_security_group_id,
    aws_security_group.nodes.id,
  ])

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_size           = each.value.volume_gib
      volume_type           = "gp3"
      iops                  = each.value.volume_iops
      throughput            = each.value.volume_throughput
      encrypted             = "true"
      delete_on_termination = "true"
    }
  }

  # One hop: a pod cannot take the node's role.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  dynamic "credit_specification" {
    for_each = startswith(each.value.instance_type, "t") ? [1] : []

    content {
      cpu_credits = "unlimited"
    }
  }

  tag_specifications {
    resource_type = "instance"
    tags          = { Name = each.key }
  }

  tag_specifications {
    resource_type = "volume"
    tags          = { Name = each.key }
  }

  tags = { Name = each.key }
}

resource "aws_eks_node_group" "main" {
  for_each = var.node_groups

  cluster_name    = aws_eks_cluster.main.name
  node_group_name = each.key
  node_role_arn   = aws_iam_role.nodes.arn
  subnet_ids      = var.subnet_ids
  version         = var.kubernetes_version
  ami_type        = "AL2023_x86_64_STANDARD"
  capacity_type   = "ON_DEMAND"
  instance_types  = [each.value.instance_type]
  labels          = each.value.labels

  scaling_config {
    min_size     = each.value.min_size
    desired_size = each.value.desired_size
    max_size     = each.value.max_size
  }

  update_config {
    max_unavailable_percentage = 25
  }

  launch_template {
    id      = aws_launch_template.nodes[each.key].id
    version = aws_launch_template.nodes[each.key].latest_version
  }

  dynamic "taint" {
    for_each = each.value.tainted ? [1] : []

    content {
      key    = "dedicated"
      value  = each.value.labels.role
      effect = "NO_SCHEDULE"
    }
  }

  tags = { Name = each.key, NodeGroup = each.value.labels.role }

  # The node autoscaler moves the size; an apply must not move it back.
  lifecycle {
    ignore_changes = [scaling_config[0].desired_size]
  }

  # Pods get addresses and policies from the first moment.
  depends_on = [
    aws_iam_role_policy_attachment.nodes,
    aws_eks_addon.vpc_cni,
  ]
}
