"""Every kind of source has the same stages, called the same way (`stages/source/run.py`)."""

import inspect

import pytest

from rds_lake.stages.databases.run import DatabaseRun
from rds_lake.stages.dynamodb.run import DynamoRun
from rds_lake.stages.source.run import SourceRun

KINDS: tuple[type[SourceRun], ...] = (DatabaseRun, DynamoRun)  # pyright compares the types


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stage", ["begin", "accept", "relocate"])
def test_a_stage_is_called_the_same_way_whatever_the_kind(kind: type[SourceRun], stage: str) -> None:
    assert inspect.signature(getattr(kind, stage)) == inspect.signature(getattr(SourceRun, stage))
