"""Commands about changes between two snapshots."""
