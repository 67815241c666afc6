"""The tables that statements use, waiting for locks, and error 1023."""
