"""Warehouses in Dagster: assets, the sensor that takes turns, and the reaper."""
