"""Existing AWS objects with a lake's names that are not the stack's: found, and refused, used, or changed by additions."""
