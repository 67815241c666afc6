"""The Data API: statements that run by themselves, their results, and the sessions that they run in."""
