"""Checks of `warehouses:` beyond the type of each key."""
