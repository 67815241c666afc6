"""JSON schemas of the output of commands with `--json`. Keys may be added; removing one needs a new version."""
