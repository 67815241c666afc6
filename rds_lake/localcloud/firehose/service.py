"""Firehose's API for streams of type DirectPut with an S3 destination.

Records wait in memory until the buffer's size or its interval is reached, by the local cloud's clock (`http/clock.py`);
`POST /_local/firehose {"flush": true}` writes them at once, `GET` shows what waits. A reset forgets them.

(https://docs.aws.amazon.com/firehose/latest/APIReference/Welcome.html)

What belongs here: operations, their limits, and when a buffer is written. Writing is `stream.py`.
"""

from __future__ import annotations

import base64
import binascii
import threading
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from rds_lake.localcloud.faults.faults import Faults
from rds_lake.localcloud.firehose.destination import Destination, read_destination
from rds_lake.localcloud.firehose.stream import SECOND, Stream
from rds_lake.localcloud.http.account import ACCOUNT
from rds_lake.localcloud.http.app import ApiError, LocalCloudApp, RequestContext
from rds_lake.localcloud.http.clock import Clock
from rds_lake.localcloud.permissions.acting import Acting, Actors

# https://docs.aws.amazon.com/firehose/latest/dev/limits.html
_RECORD_BYTES, _BATCH_RECORDS, _BATCH_BYTES = 1_024_000, 500, 4 * 1024 * 1024
# Seconds between checks of the local cloud's clock, which may be moved, while records wait.
_LOOK = 0.1
_SERVICE, _OWN_KEY = "firehose.amazonaws.com", "AWS_OWNED_CMK"
_SLOW = ApiError("ServiceUnavailableException", "Slow down.", 500)
Json = dict[str, Any]


class Firehose:
    """Every stream since the start or the last reset, by Region and name."""

    def __init__(self, app: LocalCloudApp, clock: Clock, faults: Faults, actors: Actors) -> None:
        self._clock, self._faults, self._actors = clock, faults, actors
        self._streams: dict[tuple[str, str], Stream] = {}
        self._lock = threading.Lock()
        self._arrived = threading.Condition()
        self._closed = self._woken = False
        # Started with the first record: most local clouds have none.
        self._writer: threading.Thread | None = None
        operations = {
            "CreateDeliveryStream": self._create, "DescribeDeliveryStream": self._describe,
            "ListDeliveryStreams": self._list, "DeleteDeliveryStream": self._delete,
            "PutRecord": self._put, "PutRecordBatch": self._put_batch, "UpdateDestination": self._update,
            "TagDeliveryStream": self._tag, "UntagDeliveryStream": self._untag, "ListTagsForDeliveryStream": self._list_tags,
        }  # fmt: skip
        for name, operation in operations.items():
            app.json_operations[f"Firehose_20150804.{name}"] = operation
        app.routes["POST", "/_local/firehose"] = self._flush
        app.routes["GET", "/_local/firehose"] = self._show

    def reset(self) -> None:
        """Forget all streams, and their buffered records."""
        with self._lock:
            self._streams.clear()

    def close(self) -> None:
        """Reset, and end the thread."""
        self.reset()
        with self._arrived:
            self._closed = True
            self._arrived.notify_all()
        if self._writer is not None:
            self._writer.join()

    def flush(self) -> list[str]:
        """Write every buffer now; returns the objects' keys."""
        now = self._clock.now()
        return [key for stream in self._all() if (key := stream.write(now)) is not None]

    def waiting(self) -> Json:
        """Returns the buffered records of each stream, by its name."""
        return {stream.name: stream.shown() for stream in self._all()}

    def _create(self, context: RequestContext, body: Json) -> Json:
        name = body.get("DeliveryStreamName", "")
        if (
            body.get("DeliveryStreamType", "DirectPut") != "DirectPut"
            or "ExtendedS3DestinationConfiguration" not in body
        ):
            message = (
                "The local cloud's limit, not AWS's: streams are DirectPut, with ExtendedS3DestinationConfiguration."
            )
            raise ApiError("InvalidArgumentException", message)
        encryption = body.get("DeliveryStreamEncryptionConfigurationInput")
        if encryption not in (None, {"KeyType": _OWN_KEY}):
            message = f"The local cloud's limit, not AWS's: a stream's own encryption is {_OWN_KEY}, or none."
            raise ApiError("InvalidArgumentException", message)
        destination = read_destination(body["ExtendedS3DestinationConfiguration"])
        acting = self._acting(context, name, destination)
        with self._lock:
            if (context.region, name) in self._streams:
                message = f"Firehose {name} under accountId {ACCOUNT} already exists"
                raise ApiError("ResourceInUseException", message)
            stream = Stream(name=name, destination=destination, acting=acting, created=self._clock.now())
            stream.encrypted = encryption is not None
            stream.tags = {tag["Key"]: tag.get("Value", "") for tag in body.get("Tags") or []}
            self._streams[context.region, name] = stream
        return {"DeliveryStreamARN": _arn(context, name)}

    def _acting(self, context: RequestContext, name: str, destination: Destination) -> Callable[[], Acting]:
        """Returns the principal that the stream writes as. ApiError if Firehose cannot assume the role."""
        caller = self._actors.caller(context)
        if not self._actors.may_assume(caller, destination.role, _SERVICE):
            message = f"Firehose is unable to assume role {destination.role}. Please check the role provided."
            raise ApiError("InvalidArgumentException", message)
        return partial(self._actors.as_service_role, caller, destination.role, name)

    def _update(self, context: RequestContext, body: Json) -> Json:
        """Settings that are not given are kept. Buffered records go to the new destination."""
        stream = self._stream(context, body)
        if (given := body.get("CurrentDeliveryStreamVersionId")) != str(stream.version):
            message = f"Cannot update firehose: {stream.name} since the current version id: {stream.version} and specified version "
            raise ApiError("ConcurrentModificationException", f"{message}id: {given} do not match")
        destination = read_destination(stream.destination.shown | (body.get("ExtendedS3DestinationUpdate") or {}))
        stream.change(destination, self._acting(context, stream.name, destination))
        return {}

    def _tag(self, context: RequestContext, body: Json) -> Json:
        self._stream(context, body).tags.update({tag["Key"]: tag.get("Value", "") for tag in body["Tags"]})
        return {}

    def _untag(self, context: RequestContext, body: Json) -> Json:
        tags = self._stream(context, body).tags
        for key in body["TagKeys"]:
            tags.pop(key, None)
        return {}

    def _list_tags(self, context: RequestContext, body: Json) -> Json:
        tags = [{"Key": key, "Value": value} for key, value in self._stream(context, body).tags.items()]
        return {"Tags": tags, "HasMoreTags": False}

    def _describe(self, context: RequestContext, body: Json) -> Json:
        stream = self._stream(context, body)
        shown = stream.destination.shown
        names = ("RoleARN", "BucketARN", "Prefix", "ErrorOutputPrefix", "BufferingHints", "CompressionFormat")
        plain = {name: shown[name] for name in (*names, "EncryptionConfiguration") if name in shown}
        description = {
            "DeliveryStreamName": stream.name,
            "DeliveryStreamARN": _arn(context, stream.name),
            "DeliveryStreamStatus": "ACTIVE",
            "DeliveryStreamType": "DirectPut",
            "VersionId": str(stream.version),
            "CreateTimestamp": stream.created / SECOND,
            "Destinations": [
                {
                    "DestinationId": "destinationId-000000000001",
                    "S3DestinationDescription": plain,
                    "ExtendedS3DestinationDescription": shown,
                }
            ],
            "HasMoreDestinations": False,
        }
        if stream.encrypted:
            description["DeliveryStreamEncryptionConfiguration"] = {"KeyType": _OWN_KEY, "Status": "ENABLED"}
        return {"DeliveryStreamDescription": description}

    def _list(self, context: RequestContext, body: Json) -> Json:
        with self._lock:
            names = sorted(name for region, name in self._streams if region == context.region)
        after, most = body.get("ExclusiveStartDeliveryStreamName", ""), int(body.get("Limit", 10))
        left = [name for name in names if name > after]
        return {"DeliveryStreamNames": left[:most], "HasMoreDeliveryStreams": len(left) > most}

    def _delete(self, context: RequestContext, body: Json) -> Json:
        """Buffered records are lost: AWS documents that it may or may not write them."""
        self._stream(context, body)
        with self._lock:
            self._streams.pop((context.region, body["DeliveryStreamName"]), None)
        return {}

    def _put(self, context: RequestContext, body: Json) -> Json:
        stream = self._stream(context, body)
        record = _data(body.get("Record") or {}, "record")
        if self._faults.of_firehose(stream.name, "refuse_percent"):
            raise _SLOW
        self._take(stream, [record])
        return {"RecordId": _record_id(), "Encrypted": stream.encrypted}

    def _put_batch(self, context: RequestContext, body: Json) -> Json:
        stream = self._stream(context, body)
        records = _records(body.get("Records") or [])
        refused = [self._faults.of_firehose(stream.name, "refuse_percent") is not None for _ in records]
        self._take(stream, [record for record, no in zip(records, refused, strict=True) if not no])
        bad = {"ErrorCode": _SLOW.code, "ErrorMessage": _SLOW.message}
        answers = [dict(bad) if no else {"RecordId": _record_id()} for no in refused]
        return {"FailedPutCount": sum(refused), "Encrypted": stream.encrypted, "RequestResponses": answers}

    def _take(self, stream: Stream, records: list[bytes]) -> None:
        twice = [record for record in records if self._faults.of_firehose(stream.name, "repeat_percent")]
        stream.add(records + twice, self._clock.now())
        with self._arrived:
            if self._writer is None:
                self._writer = threading.Thread(target=self._write_due, name="firehose", daemon=True)
                self._writer.start()
            self._woken = True
            self._arrived.notify_all()

    def _stream(self, context: RequestContext, body: Json) -> Stream:
        name = body.get("DeliveryStreamName", "")
        with self._lock:
            if (context.region, name) not in self._streams:
                raise ApiError("ResourceNotFoundException", f"Firehose {name} under account {ACCOUNT} not found.")
            return self._streams[context.region, name]

    def _all(self) -> list[Stream]:
        with self._lock:
            return list(self._streams.values())

    def _write_due(self) -> None:
        while True:
            due = [(stream, moment) for stream in self._all() if (moment := stream.due()) is not None]
            now = self._clock.now()
            ready = [stream for stream, moment in due if moment <= now]
            for stream in ready:
                stream.write(now)
            with self._arrived:
                if not (ready or self._woken or self._closed):
                    self._arrived.wait(_LOOK if due else None)
                if self._closed:
                    return
                self._woken = False

    def _flush(self, body: Json) -> tuple[int, Json]:
        if body != {"flush": True}:
            raise ApiError("InvalidParameterValue", 'the body is {"flush": true}')
        return 200, {"objects": self.flush()}

    def _show(self, body: Json) -> tuple[int, Json]:
        return 200, {"streams": self.waiting()}


def _records(given: list[Any]) -> list[bytes]:
    if not 1 <= len(given) <= _BATCH_RECORDS:
        word, bound = ("less", _BATCH_RECORDS) if given else ("greater", 1)
        raise _invalid("records", f"Member must have length {word} than or equal to {bound}")
    records = [_data(each, f"records.{number}.member") for number, each in enumerate(given, 1)]
    if sum(map(len, records)) > _BATCH_BYTES:
        raise ApiError("InvalidArgumentException", "Records size exceeds 4 MB limit")
    return records


def _data(given: Json, place: str) -> bytes:
    try:
        data = base64.b64decode(given["Data"], validate=True)
    except (KeyError, TypeError, binascii.Error) as error:
        raise ApiError("SerializationException", f"{place}.data is not base64 text") from error
    if len(data) > _RECORD_BYTES:
        raise _invalid(f"{place}.data", f"Member must have length less than or equal to {_RECORD_BYTES}")
    return data


def _invalid(place: str, constraint: str) -> ApiError:
    message = f"1 validation error detected: Value at '{place}' failed to satisfy constraint: {constraint}"
    return ApiError("ValidationException", message)


def _record_id() -> str:
    return uuid.uuid4().hex


def _arn(context: RequestContext, name: str) -> str:
    return f"arn:aws:firehose:{context.region}:{context.account}:deliverystream/{name}"
