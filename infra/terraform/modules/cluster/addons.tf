# What runs in every cluster before the application: EKS add-ons, and the roles of the controllers
# that are no EKS add-ons (the pipeline installs those; see README.md).

module "vpc_cni_role" {
  source = "../service_account_role"

  name                = "smart-dairy-vpc-cni-irsa"
  oidc_provider_arn   = aws_iam_openid_connect_provider.cluster.arn
  oidc_issuer         = local.oidc_issuer
  service_account     = "kube-system:aws-node"
  managed_policy_arns = { cni = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy" }
}

module "ebs_csi_role" {
  source = "../service_account_role"

  name                = "smart-dairy-ebs-csi-irsa"
  oidc_provider_arn   = aws_iam_openid_connect_provider.cluster.arn
  oidc_issuer         = local.oidc_issuer
  service_account     = "kube-system:ebs-csi-controller-sa"
  managed_policy_arns = { ebs = "arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy" }
}

resource "aws_eks_addon" "vpc_cni" {
  cluster_name                = aws_eks_cluster.main.name
  addon_name                  = "vpc-cni"
  addon_version               = var.addon_versions.vpc_cni
  service_account_role_arn    = module.vpc_cni_role.arn
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  configuration_values = jsonencode({
    # Without it NetworkPolicies are stored and never enforced.
    enableNetworkPolicy = "true"
    env = {
      # No prefixes: two /28 for each of 7 nodes do not fit a /24 beside everything else.
      ENABLE_PREFIX_DELEGATION = "false"
      MINIMUM_IP_TARGET        = "12"
      WARM_IP_TARGET           = "3"
    }
  })
}

resource "aws_eks_addon" "kube_proxy" {
  cluster_name                = aws_eks_cluster.main.name
  addon_name                  = "kube-proxy"
  addon_version               = var.addon_versions.kube_proxy
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
}

resource "aws_eks_addon" "coredns" {
  cluster_name                = aws_eks_cluster.main.name
  addon_name                  = "coredns"
  addon_version               = var.addon_versions.coredns
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  # No CPU limit: a throttled resolver is slow for every pod at once.
  configuration_values = jsonencode({
    replicaCount = 2
    resources = {
      limits   = { memory = "170Mi" }
      requests = { cpu = "100m", memory = "70Mi" }
    }
  })

  depends_on = [aws_eks_node_group.main]
}

resource "aws_eks_addon" "ebs_csi_driver" {
  cluster_name                = aws_eks_cluster.main.name
  addon_name                  = "aws-ebs-csi-driver"
  addon_version               = var.addon_versions.ebs_csi_driver
  service_account_role_arn    = module.ebs_csi_role.arn
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  depends_on = [aws_eks_node_group.main]
}

# Without it no autoscaler of the application knows any usage.
resource "aws_eks_addon" "metrics_server" {
  cluster_name                = aws_eks_cluster.main.name
  addon_name                  = "metrics-server"
  addon_version               = var.addon_versions.metrics_server
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  depends_on = [aws_eks_node_group.main]
}

# ---- controllers that are no add-ons ---------------------------------------------------------

# The load balancer and its target groups are made in the edge module, so the controller only
# puts pods into target groups (TargetGroupBinding); it may make and delete nothing.
module "load_balancer_controller_role" {
  source = "../service_account_role"

  name              = "smart-dairy-load-balancer-controller-irsa"
  oidc_provider_arn = aws_iam_openid_connect_provider.cluster.arn
  oidc_issuer       = local.oidc_issuer
  service_account   = "kube-system:aws-load-balancer-controller"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Action = [
          "ec2:DescribeAvailabilityZones",
          "ec2:DescribeInstances",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSecurityGroups",
          "ec2:DescribeSubnets",
          "ec2:DescribeVpcs",
          "elasticloadbalancing:DescribeLoadBalancers",
          "elasticloadbalancing:DescribeTags",
          "elasticloadbalancing:DescribeTargetGroupAttributes",
          "elasticloadbalancing:DescribeTargetGroups",
          "elasticloadbalancing:DescribeTargetHealth",
        ]
        Resource = "*"
      },
      {
        Effect = "Allow"
        Action = [
          "elasticloadbalancing:DeregisterTargets",
          "elasticloadbalancing:RegisterTargets",
        ]
        Resource = "arn:aws:elasticloadbalancing:${var.region}:${var.account_id}:targetgroup/smart-dairy-*/*"
      },
    ]
  })
}

module "cluster_autoscaler_role" {
  source = "../service_account_role"

  name              = "smart-dairy-cluster-autoscaler-irsa"
  oidc_provider_arn = aws_iam_openid_connect_provider.cluster.arn
  oidc_issuer       = local.oidc_issuer
  service_account   = "kube-system:cluster-autoscaler"

  # EKS tags the groups behind managed node groups for the autoscaler's discovery by itself.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Action = [
          "autoscaling:DescribeAutoScalingGroups",
          "autoscaling:DescribeAutoScalingInstances",
          "autoscaling:DescribeLaunchConfigurations",
          "autoscaling:DescribeScalingActivities",
          "autoscaling:DescribeTags",
          "ec2:DescribeImages",
          "ec2:DescribeInstanceTypes",
          "ec2:DescribeLaunchTemplateVersions",
          "ec2:GetInstanceTypesFromInstanceRequirements",
          "eks:DescribeNodegroup",
        ]
        Resource = "*"
      },
      {
        Effect = "Allow"
        Action = [
          "autoscaling:SetDesiredCapacity",
          "autoscaling:TerminateInstanceInAutoScalingGroup",
        ]
        Resource = "*"
        Condition = {
          StringEquals = { "aws:ResourceTag/k8s.io/cluster-autoscaler/${var.name}" = "owned" }
        }
      },
    ]
  })
}

module "external_secrets_role" {
  source = "../service_account_role"

  name              = "smart-dairy-external-secrets-irsa"
  oidc_provider_arn = aws_iam_openid_connect_provider.cluster.arn
  oidc_issuer       = local.oidc_issuer
  service_account   = "external-secrets:external-secrets"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
        Resource = var.secret_arns
      },
      {
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = var.secret_key_arns
      },
    ]
  })
}
