"""A run of a warehouse: its plan, its record, its lease, and the names of everything it creates."""
