"""KMS: which key an alias points to, since not every service takes an alias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rds_lake.aws.translate import aws_errors


@dataclass(frozen=True, slots=True)
class KeysGateway:
    """Keys of KMS by their names."""

    client: Any

    def arn(self, name: str) -> str:
        """The ARN of the key that an ARN, an id or an alias names; of an alias AWS is asked, and AwsError where it may not be."""
        if "alias/" not in name:
            return name
        with aws_errors("kms", "DescribeKey", about=name):
            return self.client.describe_key(KeyId=name)["KeyMetadata"]["Arn"]
