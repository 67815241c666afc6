"""JSON schemas of what commands print with `--json`. Keys are added; one is taken away only with a new version."""
