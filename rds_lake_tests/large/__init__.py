"""Large versions of tests, minutes to hours long: started with `python -m bench.<name>`, never by pytest."""
