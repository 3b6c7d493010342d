"""Terraform runs for real against an emulated AWS, with or without the provider's registry."""
