# Buckets for static assets (read by CloudFront only) and for backups.

locals {
  buckets = {
    assets  = { bucket = aws_s3_bucket.assets.id, arn = aws_s3_bucket.assets.arn }
    backups = { bucket = aws_s3_bucket.backups.id, arn = aws_s3_bucket.backups.arn }
  }

  # The statement that every bucket policy here contains.
  deny_plain_http = {
    for name, bucket in local.buckets : name => {
      Sid       = "DenyPlainHttp"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [bucket.arn, "${bucket.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }
  }
}

# ---- static assets ---------------------------------------------------------------------------

resource "aws_s3_bucket" "assets" {
  bucket        = "${var.name}-assets"
  force_destroy = var.force_destroy

  tags = {
    Name    = "${var.name}-assets"
    Purpose = "Static assets CDN origin"
  }
}

resource "aws_s3_bucket_versioning" "assets" {
  bucket = aws_s3_bucket.assets.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "assets" {
  bucket = aws_s3_bucket.assets.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "assets" {
  bucket = aws_s3_bucket.assets.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_cors_configuration" "assets" {
  bucket = aws_s3_bucket.assets.id

  cors_rule {
    allowed_headers = ["*"]
    allowed_methods = ["GET", "HEAD"]
    allowed_origins = var.asset_origins
    expose_headers  = ["ETag"]
    max_age_seconds = 3600
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "assets" {
  bucket = aws_s3_bucket.assets.id

  rule {
    id     = "remove-old-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 90
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.assets]
}

# ---- backups ---------------------------------------------------------------------------------

resource "aws_kms_key" "backup" {
  description             = "KMS key for Smart Dairy backup encryption"
  deletion_window_in_days = 30
  enable_key_rotation     = true

  tags = { Name = "smart-dairy-backup-kms" }
}

resource "aws_kms_alias" "backup" {
  name          = "alias/smart-dairy-backup"
  target_key_id = aws_kms_key.backup.key_id
}

resource "aws_s3_bucket" "backups" {
  bucket        = "${var.name}-backups"
  force_destroy = var.force_destroy

  tags = {
    Name    = "${var.name}-backups"
    Purpose = "Database and application backups"
  }
}

resource "aws_s3_bucket_versioning" "backups" {
  bucket = aws_s3_bucket.backups.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "backups" {
  bucket = aws_s3_bucket.backups.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.backup.arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "backups" {
  bucket = aws_s3_bucket.backups.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "backups" {
  bucket = aws_s3_bucket.backups.id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [local.deny_plain_http.backups]
  })

  depends_on = [aws_s3_bucket_public_access_block.backups]
}

# In a versioned bucket expiration only hides an object; the noncurrent rule removes it.
resource "aws_s3_bucket_lifecycle_configuration" "backups" {
  bucket = aws_s3_bucket.backups.id

  rule {
    id     = "archive-old-backups"
    status = "Enabled"

    filter {}

    transition {
      days          = var.backup_days.infrequent_access
      storage_class = "STANDARD_IA"
    }

    transition {
      days          = var.backup_days.glacier
      storage_class = "GLACIER"
    }

    expiration {
      days = var.backup_days.expiration
    }

    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.backups]
}
