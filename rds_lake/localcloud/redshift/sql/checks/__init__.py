"""Refuses what a statement must not contain: clauses of other databases, windows without their frame, access to parts of SUPER."""
