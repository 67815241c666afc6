"""DDL by which other engines read the lake's files: a raw table over them, and a typed view equal to Athena's."""
