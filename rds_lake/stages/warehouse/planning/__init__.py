"""Makes the plan of a run from lake.yaml, the files of steps, and a JSON file."""
