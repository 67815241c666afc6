"""Repairs of moto where it differs from AWS and the pipeline depends on it. Each is removed when moto is right."""
