"""The template of a warehouse, which is a stack of its own."""
