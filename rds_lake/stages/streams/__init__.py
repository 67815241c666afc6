"""Changes of a source's tables: from the outbox in the database, or from Firehose, to cuts in the lake."""
