"""The statements of a run: loads, then steps, then unloads, turn after turn."""
