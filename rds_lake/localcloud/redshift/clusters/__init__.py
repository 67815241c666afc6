"""Clusters, namespaces and workgroups, and their states by the local cloud's clock."""
