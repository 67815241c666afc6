"""The admin's password of a cluster or namespace, managed by Redshift: a secret, created and deleted with it.

(https://docs.aws.amazon.com/redshift/latest/mgmt/redshift-secrets-manager-integration.html)
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from rds_lake.localcloud.http.app import RequestContext
from rds_lake.localcloud.permissions.acting import Actors

_VIA = "redshift.amazonaws.com"


class AdminSecrets:
    """Secrets are created with the rights of the cluster's creator, and deleted with Redshift's own."""

    def __init__(self, actors: Actors, clients: Any) -> None:
        self._actors, self._clients = actors, clients

    def make(self, context: RequestContext, owner: str, user: str) -> str:
        """Returns the secret's ARN. `owner`: the cluster's or namespace's name."""
        acting = self._actors.acting(self._actors.caller(context), via=_VIA, region=context.region)
        content = json.dumps({"username": user, "password": secrets.token_urlsafe(24)})
        client = acting.clients.client("secretsmanager", context.region)
        return client.create_secret(Name=f"redshift!{owner}-{user}", SecretString=content)["ARN"]

    def delete(self, region: str, arn: str) -> None:
        """Delete the secret at once, without a recovery window."""
        self._clients.client("secretsmanager", region).delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
