"""A data platform."""
