"""Measurements anybody can repeat from a checkout: `python -m bench.<name> --help`. Never part of the tests."""
