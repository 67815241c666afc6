"""Loads: what they send is decided at once, then each fills a table, is compared and put in place."""
