"""DynamoDB's own exports of a date, from the decision what to export to the inspected files."""
