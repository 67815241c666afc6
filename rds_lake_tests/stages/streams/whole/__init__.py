"""Streams as a whole: generated triggers, the forwarder, snapshots under load, compaction and live views, on both engines."""
