"""Triggers that capture changes, as text: what a database is told to do, and how it is undone. Nothing here connects."""
