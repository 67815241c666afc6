"""Two snapshot dates of one table compared: which columns, and the statement that finds the rows that differ."""
