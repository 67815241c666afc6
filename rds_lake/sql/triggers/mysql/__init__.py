"""The triggers of MySQL and MariaDB, as text."""
