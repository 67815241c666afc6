"""The Dagster shell: assets, checks, sensors and resources, each of which calls one stage. No rule of the pipeline is here.

`keys.py`, `translate.py`, `metadata.py` and `orders.py` say what things are called in Dagster; `build.py` puts all together.
`from __future__ import annotations` is forbidden in this package: Dagster reads the annotations.
"""
