"""The Dagster shell and nothing else: assets of about ten lines that call one stage function.

What belongs here: asset, check, sensor and resource definitions. What does not: any rule of the pipeline.
`from __future__ import annotations` is forbidden in this package: Dagster reads the annotations.
"""
