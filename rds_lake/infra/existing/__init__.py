"""What is in the account under a lake's names and is not the stack's: found, refused, or used and added to."""
