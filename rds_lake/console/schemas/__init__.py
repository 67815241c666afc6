"""JSON schemas of what commands print with `--json`. Keys may be added; removing one needs a new version."""
