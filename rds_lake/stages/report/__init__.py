"""What a lake has and what of it needs a person, read from the lake's own records, and as one HTML page."""
