"""Changes of a database as values: captured tables, single changes, and cuts."""
