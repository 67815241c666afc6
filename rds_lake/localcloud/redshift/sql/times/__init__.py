"""Days, times, intervals and time zones in a statement."""
