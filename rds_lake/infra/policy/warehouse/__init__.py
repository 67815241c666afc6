"""Policies of warehouses: Redshift's own role, and the pipeline's permissions to create and remove a warehouse."""
