"""Which rights each operation needs, a file for each group of services. `all.py` joins them."""
