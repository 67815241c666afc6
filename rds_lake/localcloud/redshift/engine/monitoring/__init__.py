"""The history of a database's statements, and the system views that show it."""
