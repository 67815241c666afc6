"""DynamoDB's exports of a date: deciding what to export, starting, waiting, and inspecting the files."""
