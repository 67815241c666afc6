"""Who may do what: principals as IAM has them, what each has to be able to do, and what permissions say to it."""
