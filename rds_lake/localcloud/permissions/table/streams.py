"""Rights of Firehose and Lambda. The rights of a stream's or function's role are checked when it acts.

(https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonkinesisfirehose.html,
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rds_lake.localcloud.permissions.needs import Call, Need, Rule, both, everything, on, pass_role

_OF_STREAM = (
    "DescribeDeliveryStream", "DeleteDeliveryStream", "PutRecord", "PutRecordBatch", "TagDeliveryStream",
    "UntagDeliveryStream", "ListTagsForDeliveryStream",
)  # fmt: skip

# Operations on one function whose right has the operation's name.
_OF_FUNCTION = (
    "GetFunction", "GetFunctionConfiguration", "UpdateFunctionCode", "DeleteFunction", "GetPolicy", "AddPermission",
    "RemovePermission", "PutFunctionConcurrency", "GetFunctionConcurrency", "DeleteFunctionConcurrency",
    "PutFunctionEventInvokeConfig", "UpdateFunctionEventInvokeConfig", "GetFunctionEventInvokeConfig",
    "DeleteFunctionEventInvokeConfig",
)  # fmt: skip


def _of_stream(operation: str) -> Rule:
    return on(f"firehose:{operation}", "deliverystream/", "DeliveryStreamName")


def _pass_destination_role(member: str) -> Rule:
    def rule(call: Call) -> Iterator[Need]:
        given = call.params.get(member) or {}
        if given.get("RoleARN"):
            yield from pass_role("RoleARN", "firehose.amazonaws.com")(call.with_params(given))

    return rule


def _create_stream(call: Call) -> Iterator[Need]:
    """A creation with tags also needs the right to tag."""
    yield from _of_stream("CreateDeliveryStream")(call)
    if call.params.get("Tags"):
        yield from _of_stream("TagDeliveryStream")(call)
    yield from _pass_destination_role("ExtendedS3DestinationConfiguration")(call)


def _of_function(action: str) -> Rule:
    def rule(call: Call) -> Iterator[Need]:
        yield Need(action=f"lambda:{action}", resource=call.arn(f"function:{function_name(call.params)}"))

    return rule


def function_name(params: Mapping[str, Any]) -> str:
    """Returns the name in FunctionName, which may be an ARN or a part of one, with a qualifier."""
    given = str(params.get("FunctionName", "*"))
    return given.rpartition("function:")[2].partition(":")[0]


FIREHOSE: dict[str, Rule] = {
    **{operation: _of_stream(operation) for operation in _OF_STREAM},
    "CreateDeliveryStream": _create_stream,
    "UpdateDestination": both(_of_stream("UpdateDestination"), _pass_destination_role("ExtendedS3DestinationUpdate")),
    "ListDeliveryStreams": everything("firehose:ListDeliveryStreams"),
}
_PASS_ROLE = pass_role("Role", "lambda.amazonaws.com")
LAMBDA: dict[str, Rule] = {
    **{operation: _of_function(operation) for operation in _OF_FUNCTION},
    "CreateFunction": both(_of_function("CreateFunction"), _PASS_ROLE),
    "UpdateFunctionConfiguration": both(_of_function("UpdateFunctionConfiguration"), _PASS_ROLE),
    "Invoke": _of_function("InvokeFunction"),
    "ListFunctions": everything("lambda:ListFunctions"),
    "ListEventSourceMappings": everything("lambda:ListEventSourceMappings"),
}
