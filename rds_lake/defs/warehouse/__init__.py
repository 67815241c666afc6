"""Warehouses in Dagster: assets, the sensor that advances runs, and the reaper."""
