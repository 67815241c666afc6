"""SQL of Redshift, as text: tables, COPY, Spectrum, UNLOAD, steps."""
