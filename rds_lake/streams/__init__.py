"""The function in AWS Lambda that sends changes from triggers to Firehose. It uses only the standard library and boto3."""
