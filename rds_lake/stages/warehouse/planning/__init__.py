"""From lake.yaml, the files of steps and a JSON to the plan of a run."""
