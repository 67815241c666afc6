"""Measurements that anybody can repeat from a checkout: `python -m bench.<name> --help`. They are not run by `make test`."""
