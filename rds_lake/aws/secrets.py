"""Secrets Manager: the text of one secret, and whether there is one of a name.

It is never logged.
"""

from __future__ import annotations

from typing import Any

from rds_lake.aws.translate import aws_errors
from rds_lake.errors import AwsError, ConfigError


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

    def find(self, name: str) -> str | None:
        """The ARN of the secret of this name; None where there is none, or one that only waits for its deletion."""
        try:
            with aws_errors("secretsmanager", "DescribeSecret", about=name):
                secret = self._client.describe_secret(SecretId=name)
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                return None
            raise
        return None if "DeletedDate" in secret else secret["ARN"]

    def delete(self, name: str) -> None:
        """Delete the secret, without days in which it could be restored."""
        with aws_errors("secretsmanager", "DeleteSecret", about=name):
            self._client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
