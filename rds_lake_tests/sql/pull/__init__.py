"""A column on its way into another database: the types that `types:` asks for."""
