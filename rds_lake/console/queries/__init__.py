"""`rds-lake query`: what is asked, and how the answer is printed."""
