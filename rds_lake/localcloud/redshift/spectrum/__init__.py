"""Spectrum: schemas whose tables are Glue's, read where they lie."""
