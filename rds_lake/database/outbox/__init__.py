"""The outbox of a captured database, as the forwarder reads and empties it."""
