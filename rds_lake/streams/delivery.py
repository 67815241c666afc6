"""Hands records to Firehose until it has taken every one of them.

PutRecordBatch answers 200 also when it refused some records; which ones is in the answer, in the order of the request
(https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html). Only those are sent again: Firehose keeps what
it took, and would deliver it twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 3.2
_ATTEMPTS = 8


class NotDeliveredError(RuntimeError):
    """Firehose did not take all records. Lambda invokes the function again, and then writes the event to the destination."""


@dataclass(frozen=True)
class Delivery:
    """One way to Firehose.

    `put`: PutRecordBatch of boto3's client. `seconds_left`: until Lambda ends this invocation; nothing is begun that would
    take longer.
    """

    put: Callable[..., Any]
    stream: str
    sleep: Callable[[float], None]
    seconds_left: Callable[[], float]

    def send(self, records: Sequence[bytes]) -> int:
        """Hand over one batch; how many times it called Firehose. NotDeliveredError when some records are still refused."""
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
