"""The roles of a warehouse: which roles a statement may name, and clients with the rights of one of them.

(https://docs.aws.amazon.com/redshift/latest/mgmt/authorizing-redshift-service.html)
"""

from __future__ import annotations

from typing import Any

from rds_lake.localcloud.permissions.acting import Actors
from rds_lake.localcloud.redshift.errors import StatementFailedError
from rds_lake.localcloud.redshift.loading.objects import Stores
from rds_lake.model.permissions.request import Principal

_SERVICE = "redshift.amazonaws.com"


def stores(actors: Actors, caller: Principal | None, attached: tuple[str, ...], default: str, here: str) -> Stores:
    """Returns a function that returns clients with the rights of an attached role. StatementFailedError for another role."""

    def store(role: str, service: str = "s3", region: str = "", *, unlimited: bool = False) -> Any:
        if unlimited:
            return actors.acting(None).clients.client(service, region or here)
        arn = default if role == "default" else role
        if not arn:
            raise StatementFailedError("There is no default IAM role associated with the cluster")
        if arn not in attached:
            raise StatementFailedError(f"The requested role {arn} is not associated to cluster")
        if not actors.may_assume(caller, arn, _SERVICE):
            raise StatementFailedError(f"User arn:aws:redshift is not authorized to assume IAM Role {arn}")
        return actors.as_service_role(caller, arn, "redshift").clients.client(service, region or here)

    return store
