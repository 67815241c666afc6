"""Secrets Manager: the text of one secret.

It is never logged.
"""

from __future__ import annotations

from typing import Any

from rds_lake.aws.translate import aws_errors
from rds_lake.errors import ConfigError


class SecretsGateway:
    """Secrets the credentials may read."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def get_text(self, arn: str) -> str:
        """The current text of the secret; ConfigError when it holds bytes."""
        with aws_errors("secretsmanager", "GetSecretValue", about=arn):
            text = self._client.get_secret_value(SecretId=arn).get("SecretString")
        if text is None:
            raise ConfigError(f"the secret {arn} holds bytes; store the database's URL as text")
        return text
