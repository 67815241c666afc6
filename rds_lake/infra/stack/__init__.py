"""Deploys the lake's template with CloudFormation, watches it, and removes it."""
