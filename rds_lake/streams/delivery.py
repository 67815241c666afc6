"""Sends records to Firehose until it has accepted every one.

PutRecordBatch also answers 200 when it refused some records; the answer has their errors, in the order of the request
(https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html). Only refused records are sent again: Firehose
keeps the accepted ones, and would deliver them twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 3.2
_ATTEMPTS = 8


class NotDeliveredError(RuntimeError):
    """Firehose did not accept all records. Lambda invokes the function again, and then writes the event to the destination."""


@dataclass(frozen=True)
class Delivery:
    """A sender to Firehose.

    `put`: PutRecordBatch of boto3's client. `seconds_left`: until Lambda ends this invocation; no call is begun that would take
    longer.
    """

    put: Callable[..., Any]
    stream: str
    sleep: Callable[[float], None]
    seconds_left: Callable[[], float]

    def send(self, records: Sequence[bytes]) -> int:
        """Send one batch; returns how many calls of Firehose it took. NotDeliveredError if some records are still refused."""
        pause, calls = _FIRST_PAUSE, 0
        while True:
            answer = self.put(DeliveryStreamName=self.stream, Records=[{"Data": record} for record in records])
            calls += 1
            if not answer["FailedPutCount"]:
                return calls
            results = zip(records, answer["RequestResponses"], strict=True)
            refused = [(record, _reason(result)) for record, result in results if result.get("ErrorCode")]
            records = [record for record, _ in refused]
            if calls == _ATTEMPTS or self.seconds_left() < pause + 1:
                raise self._failure(calls, [reason for _, reason in refused])
            self.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _failure(self, calls: int, reasons: list[str]) -> NotDeliveredError:
        return NotDeliveredError(
            f"Firehose's stream {self.stream} refused {len(reasons)} records after {calls} calls: "
            f"{', '.join(sorted(set(reasons)))}; Lambda invokes the function again, and the accepted records will then "
            "be there twice"
        )


def _reason(result: dict[str, Any]) -> str:
    return f"{result['ErrorCode']} ({result.get('ErrorMessage', 'no message')})"
