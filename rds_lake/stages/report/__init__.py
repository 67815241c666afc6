"""The report of a lake: read from the lake's own records, and rendered as an HTML page."""
