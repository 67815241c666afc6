"""What an account is like: questions to AWS that change nothing."""
