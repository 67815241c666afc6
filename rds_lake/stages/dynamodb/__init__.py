"""DynamoDB sources, up to the manifest: exports or scans of their tables, converted to typed files."""
