"""A date of hundreds of tables is looked at within the time of ticks."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from rds_lake.errors import UnavailableError
from rds_lake.model.dynamodb.tables import TableExport
from rds_lake.model.exports.task import ExportStatus
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports


def test_a_look_that_a_tick_had_no_time_for_goes_on_in_the_next_after_the_exports_that_had_ended() -> None:
    """Each look at an export is a call. Mutations that fail it: look on, however late; forget between ticks what has ended."""
    asked: list[str] = []

    def find_export(arn: str) -> Any:
        asked.append(arn)
        return SimpleNamespace(status=ExportStatus.COMPLETE, arn=arn)

    ended: dict[str, TableExport] = {}

    def exports(is_late: Callable[[], bool]) -> DynamoExports:
        nothing: Any = SimpleNamespace(source="reviews")
        dynamo: Any = SimpleNamespace(find_export=find_export)
        return DynamoExports(
            dynamo=dynamo, s3=nothing, layout=nothing, plan=nothing, log=asked.append, ended=ended, is_late=is_late
        )

    first = exports(lambda: len(asked) >= 2)
    with pytest.raises(UnavailableError, match="could not all be looked at"):
        [first.find(arn) for arn in ("a", "b", "c")]
    found = [exports(lambda: False).find(arn) for arn in ("a", "b", "c")]
    assert [export.arn for export in found if export is not None] == ["a", "b", "c"]
    assert asked == ["a", "b", "c"]
