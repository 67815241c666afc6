"""The statements of a run: loads, then steps, then unloads, over several turns."""
