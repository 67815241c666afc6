"""The CloudFormation template of a lake: what it creates, as data, for exactly the sources of a lake.yaml."""
