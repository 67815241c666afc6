"""Clusters, namespaces and workgroups: what exists, in which state, by the local cloud's clock."""
