"""Permissions: the caller of a request, the rights that it needs, the decision of policies, and AWS's refusals."""
