"""Policies of warehouses: of Redshift's own role, and what the pipeline does to have a warehouse come and go."""
