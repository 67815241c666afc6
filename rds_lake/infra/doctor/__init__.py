"""Examines everything that a lake needs in its AWS account, before anything costs money. It changes nothing.

`subjects/` has the rows, a file for each subject; `rights/` decides who may do what; `examine.py` runs all examinations.
"""
