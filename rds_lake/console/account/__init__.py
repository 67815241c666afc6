"""Commands about what an AWS account needs for a lake."""
