"""What the resource types do: one file per service."""
