"""What an export makes of every type of PostgreSQL and MySQL, and docs/types.md. docs/live-suite.md."""
