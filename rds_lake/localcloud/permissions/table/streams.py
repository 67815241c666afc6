"""Rights of Firehose. Who may write to a stream's bucket is asked when it writes, of its role.

(https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonkinesisfirehose.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from rds_lake.localcloud.permissions.needs import Call, Need, Rule, both, everything, on, pass_role

_OF_STREAM = ("DescribeDeliveryStream", "DeleteDeliveryStream", "PutRecord", "PutRecordBatch", "CreateDeliveryStream")


def _of_stream(operation: str) -> Rule:
    return on(f"firehose:{operation}", "deliverystream/", "DeliveryStreamName")


def _pass_destination_role(call: Call) -> Iterator[Need]:
    given = call.params.get("ExtendedS3DestinationConfiguration") or {}
    yield from pass_role("RoleARN", "firehose.amazonaws.com")(call.with_params(given))


FIREHOSE: dict[str, Rule] = {
    **{operation: _of_stream(operation) for operation in _OF_STREAM},
    "CreateDeliveryStream": both(_of_stream("CreateDeliveryStream"), _pass_destination_role),
    "ListDeliveryStreams": everything("firehose:ListDeliveryStreams"),
}
