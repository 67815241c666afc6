"""The Dagster layer: assets, checks, sensors and resources; each calls one stage. The pipeline's rules are elsewhere.

`keys.py`, `translate.py`, `metadata.py` and `orders.py` say what things are called in Dagster; `build.py` puts all together.
`from __future__ import annotations` is forbidden in this package: Dagster reads the annotations.
"""
