"""Changes of a database as values: what is captured of a table, one change, and the cut that many of them lie in."""
