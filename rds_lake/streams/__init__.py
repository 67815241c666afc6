"""What runs in AWS Lambda: it takes changes from triggers and hands them to Firehose. Only the standard library and boto3."""
