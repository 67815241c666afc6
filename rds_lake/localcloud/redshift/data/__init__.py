"""The Data API: asynchronous statements, their results, and the sessions in which they run."""
