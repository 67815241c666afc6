"""Processes that work on one warehouse at the same time: turns of its runs, the reaper, people who cancel."""
