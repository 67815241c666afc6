"""Tables without point-in-time recovery: read by throttled scans, into files as one of DynamoDB's exports has them."""
