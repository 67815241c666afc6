"""Triggers that capture changes, as text: the statements that install them, and those that remove them. Nothing here connects."""
