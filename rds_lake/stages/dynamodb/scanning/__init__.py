"""Tables without point-in-time recovery: read by throttled scans, into files like those of DynamoDB's exports."""
