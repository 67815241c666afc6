"""Resource types: one file per service."""
