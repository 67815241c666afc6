"""The rows, a file for each subject: what is looked at, and what is said of it."""
