"""Which tables statements touch, who waits for whom, and error 1023."""
