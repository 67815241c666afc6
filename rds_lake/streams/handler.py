"""The function that triggers of `capture: lambda` invoke: it writes changes as lines of JSON to a Firehose stream.

    handler     rds_lake.streams.handler.handler
    variables   RDS_LAKE_STREAM   the delivery stream; `{source}` in it becomes the source's name

It is invoked asynchronously, one event at a time, at least once and in any order. Such an invocation cannot fail for a part of an
event: if a change cannot be sent, it raises an error, Lambda tries twice more, and then writes the whole event, with the error's
text, to the on-failure destination (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html).
"""

from __future__ import annotations

import os
import time
from functools import cache
from typing import Any

import boto3

from rds_lake.streams.changes import BadChangeError, Change, line_of, read_changes
from rds_lake.streams.delivery import Delivery
from rds_lake.streams.records import batches, pack

_STREAM = "RDS_LAKE_STREAM"


def handler(event: Any, context: Any) -> dict[str, int]:
    """Returns the numbers of changes, records and calls of Firehose. Raises BadChangeError, TooLargeError or NotDeliveredError."""
    changes = read_changes(event)
    source = _only_source(changes)
    delivery = Delivery(
        put=_firehose().put_record_batch,
        stream=_stream(source),
        sleep=time.sleep,
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
    )
    records = list(pack(map(line_of, changes)))
    calls = sum(delivery.send(batch) for batch in batches(records))
    return {"changes": len(changes), "records": len(records), "calls": calls}


def _only_source(changes: list[Change]) -> str:
    sources = sorted({change["source"] for change in changes})
    if len(sources) > 1:
        raise BadChangeError(f"one event has changes of several sources: {', '.join(sources)}")
    return sources[0]


def _stream(source: str) -> str:
    stream = os.environ.get(_STREAM, "")
    if not stream:
        raise RuntimeError(f"the function's variable {_STREAM} is not set: give it the name of the delivery stream")
    return stream.replace("{source}", source)


@cache
def _firehose() -> Any:
    """Returns one client for all invocations of this execution environment."""
    return boto3.client("firehose")
