"""The whole job on an account: a database, its lake, its views; and what only an account shows. docs/live-suite.md."""
