"""The rows, a file for each subject: what is examined, and the results."""
