"""Read-only questions about an AWS account."""
