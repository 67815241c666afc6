"""The template of a warehouse, which has its own stack."""
