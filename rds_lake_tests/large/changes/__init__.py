"""The large versions of what captures changes: its cost for writers, for readers, and for those who wait."""
