"""Permissions: principals from IAM, the requests that each must be able to make, and the decision on each request."""
