"""A process that dies before one of its writes to S3 or Glue, counted over both."""

from dataclasses import dataclass, replace
from typing import Any

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.stages.lake.lake import Lake

_NEVER = 10**6
_WRITES = {
    "s3": ("PutObject", "DeleteObjects", "CreateMultipartUpload", "CompleteMultipartUpload"),
    "glue": ("BatchDeletePartition", "BatchCreatePartition", "UpdateTable"),
}


@dataclass
class Death:
    """Dies before the write with number `at`, and before every later one. `seen`: writes since `live()`."""

    at: int = _NEVER
    seen: int = 0

    def __call__(self, request: Any, **_: Any) -> None:
        self.seen += 1
        if self.seen >= self.at:
            raise KeyboardInterrupt

    def live(self, at: int = _NEVER) -> None:
        """Count from 1 again."""
        self.at, self.seen = at, 0


def mortal_lake(lake: Lake, death: Death) -> Lake:
    """The lake, whose writes are counted. Its clients stay so until their world ends."""
    for client in (lake.s3.client, lake.glue._client):
        service = client.meta.service_model.service_name
        for operation in _WRITES[service]:
            client.meta.events.register(f"before-send.{service}.{operation}", death)
    return replace(lake, s3=S3Gateway(lake.s3.client, None, lake.s3.deletable))
