"""What is checked of `warehouses:` beyond the type of each key."""
