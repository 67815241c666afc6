"""Secrets Manager: the text of a secret, which is never logged, and whether a secret exists."""

from __future__ import annotations

from typing import Any

from rds_lake.aws.translate import aws_errors
from rds_lake.errors import AwsError, ConfigError


class SecretsGateway:
    """Secrets that the credentials may read."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def get_text(self, arn: str) -> str:
        """Returns the current text of the secret. ConfigError if it holds bytes."""
        with aws_errors("secretsmanager", "GetSecretValue", about=arn):
            text = self._client.get_secret_value(SecretId=arn).get("SecretString")
        if text is None:
            raise ConfigError(f"the secret {arn} holds bytes; store the database's URL as text")
        return text

    def find(self, name: str) -> str | None:
        """Returns the ARN of the secret of this name; None if it does not exist, or only waits for its deletion."""
        try:
            with aws_errors("secretsmanager", "DescribeSecret", about=name):
                secret = self._client.describe_secret(SecretId=name)
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                return None
            raise
        return None if "DeletedDate" in secret else secret["ARN"]

    def delete(self, name: str) -> None:
        """Delete the secret at once, without a recovery window."""
        with aws_errors("secretsmanager", "DeleteSecret", about=name):
            self._client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
