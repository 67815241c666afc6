"""Lambda: functions that really run, asynchronous invocations with retries and destinations, and calls from databases."""
