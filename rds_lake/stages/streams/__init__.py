"""Changes of a source's tables, from the outbox in the database to cuts in the lake."""
