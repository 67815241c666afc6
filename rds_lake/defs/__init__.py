"""The Dagster layer: assets, checks, sensors and resources; each calls one stage. The pipeline's rules are elsewhere.

`keys.py`, `translate.py`, `metadata.py` and `orders.py` have the names used in Dagster; `build.py` combines everything. `from
__future__ import annotations` is forbidden in this package: Dagster reads the annotations.
"""
