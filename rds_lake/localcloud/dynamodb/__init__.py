"""The parts of DynamoDB that moto does not have: a log of every write, exports as of an instant or of a window, recovery, scans."""
