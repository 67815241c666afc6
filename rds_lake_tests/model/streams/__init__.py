"""Tests of captured tables, changes and cuts as values."""
