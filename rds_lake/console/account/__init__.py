"""Commands about the AWS objects that a lake needs."""
