"""What ran in a database, and the system views that show it."""
