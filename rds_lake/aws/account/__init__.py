"""Read-only calls about an AWS account."""
