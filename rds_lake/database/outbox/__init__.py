"""The outbox of a captured database, as its forwarder reads and empties it."""
