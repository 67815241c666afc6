"""boto3 clients with rds-lake's timeouts and retries. It is plain boto3: `AWS_ENDPOINT_URL` points it at the local cloud.

What belongs here: client configuration. The gateways make the calls, one gateway for each service.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config

from rds_lake.aws.budget import CONNECT_SECONDS, keep_budget

if TYPE_CHECKING:
    import boto3
    from botocore.credentials import ReadOnlyCredentials
    from types_boto3_athena import AthenaClient
    from types_boto3_glue import GlueClient
    from types_boto3_rds import RDSClient
    from types_boto3_s3 import S3Client
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient

# A tick of a sensor has 60 s for all its calls, and the next tick comes after half a minute, so failing early costs little.
_HURRIED = Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=3, read_timeout=8)
# Copies run in dozens of threads over one client; a smaller pool would make them wait for each other.
CONNECTIONS = 64
_ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1})


class AwsClients:
    """Clients of one session and Region, each built on first use, safe to share between threads."""

    def __init__(
        self,
        session: boto3.Session,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        attempts: int = 8,
        hurried: bool = False,
    ) -> None:
        """`hurried`: for sensor ticks. A call fails within seconds if it is throttled, unanswered, or cannot connect."""
        self._session = session
        self._region = region
        self._endpoint_url = endpoint_url
        self._config = Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            max_pool_connections=CONNECTIONS,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=60,
            user_agent_extra="rds-lake",
        )
        if hurried:
            self._config = self._config.merge(_HURRIED)
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str, *, once: bool = False) -> Any:
        """Returns the boto3 client of a service. Building a client is not thread-safe in boto3, hence the lock.

        `once`: the client never repeats a call. For calls that cost money and have no token, and for limits that last for hours.
        """
        name = f"{service} once" if once else service
        with self._lock:
            if name not in self._clients:
                client = self._session.client(
                    service,  # type: ignore[call-overload]
                    region_name=self._region,
                    endpoint_url=self._endpoint_url,
                    config=self._config.merge(_ONCE) if once else self._config,
                )
                keep_budget(client)
                self._clients[name] = client
            return self._clients[name]

    @property
    def rds(self) -> RDSClient:
        return cast("RDSClient", self.client("rds"))

    @property
    def s3(self) -> S3Client:
        return cast("S3Client", self.client("s3"))

    def keys(self) -> Callable[[], ReadOnlyCredentials] | None:
        """Returns a function that returns the current credentials, renewed if they expire; None if there are none."""
        credentials = self._session.get_credentials()
        return credentials.get_frozen_credentials if credentials else None

    @property
    def glue(self) -> GlueClient:
        return cast("GlueClient", self.client("glue"))

    @property
    def athena(self) -> AthenaClient:
        return cast("AthenaClient", self.client("athena"))

    @property
    def sqs(self) -> SQSClient:
        return cast("SQSClient", self.client("sqs"))

    @property
    def sns(self) -> SNSClient:
        return cast("SNSClient", self.client("sns"))
