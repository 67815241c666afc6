"""DynamoDB where moto has none of it: a log of every write, exports of a moment or a window, point-in-time recovery, scans."""
