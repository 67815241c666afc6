"""Looks at everything that a lake needs of its AWS account, before anything is paid for. Nothing is changed.

`subjects/` has the rows, a file for each subject; `rights/` decides who may do what; `examine.py` looks at all rows at once.
"""
