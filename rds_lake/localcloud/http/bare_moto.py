"""moto's own answers, for operations of the local cloud that extend them."""

from __future__ import annotations

from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from rds_lake.localcloud.http.app import ApiError, LocalCloudApp, RequestContext
from rds_lake.localcloud.http.loop import InProcessClients


class BareMoto:
    """Calls one service of moto directly, without the operations that the local cloud answers itself."""

    def __init__(self, app: LocalCloudApp, service: str) -> None:
        bare = LocalCloudApp()
        bare.moto = app.moto
        self._clients = InProcessClients(bare)
        self._service = service

    def call(self, context: RequestContext, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """Returns moto's answer in the request's Region. ApiError, with moto's code, text and status, if it refuses."""
        client = self._clients.client(self._service, context.region)
        try:
            answer = getattr(client, xform_name(operation))(**params)
        except ClientError as error:
            details, status = error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]
            raise ApiError(details["Code"], details["Message"], status) from error
        answer.pop("ResponseMetadata", None)
        return answer
