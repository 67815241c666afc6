"""KMS: the key behind an alias, because some services do not accept an alias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rds_lake.aws.translate import aws_errors


@dataclass(frozen=True, slots=True)
class KeysGateway:
    """Keys of KMS by their names."""

    client: Any

    def arn(self, name: str) -> str:
        """Returns the ARN of the key of an ARN, an id or an alias. An alias needs a call of AWS: AwsError if it is refused."""
        if "alias/" not in name:
            return name
        with aws_errors("kms", "DescribeKey", about=name):
            return self.client.describe_key(KeyId=name)["KeyMetadata"]["Arn"]
