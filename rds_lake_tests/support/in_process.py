"""`AwsClients` whose calls reach an application in this process, without sockets."""

from typing import Any, cast

from rds_lake.aws.clients import AwsClients
from rds_lake.localcloud.http.loop import InProcessClients


class _InProcess:
    def __init__(self, clients: InProcessClients) -> None:
        self._clients = clients

    def client(self, service: str, *, once: bool = False) -> Any:
        return self._clients.client(service)

    def keys(self) -> None:
        """No credentials for the wire: everything goes through boto3."""

    def __getattr__(self, service: str) -> Any:
        return self.client(service)


def in_process(clients: InProcessClients) -> AwsClients:
    """The clients as the gateways and `infra/` take them."""
    return cast(AwsClients, _InProcess(clients))
