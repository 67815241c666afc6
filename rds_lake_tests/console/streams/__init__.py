"""Tests of commands about changes between two snapshots."""
