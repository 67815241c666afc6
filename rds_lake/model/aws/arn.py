"""Parses and renders Amazon Resource Names, with their partition (`aws`, `aws-cn`, `aws-us-gov`).

What belongs here: taking ARNs apart and putting them together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_PARTS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Arn:
    """`arn:<partition>:<service>:<region>:<account>:<resource>`; `str()` renders it."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


def parse_arn(text: str) -> Arn:
    """Returns the ARN in `text`. Raises ValueError if it is not an ARN."""
    parts = text.split(":", _PARTS - 1)
    if len(parts) != _PARTS or parts[0] != "arn" or not parts[1] or not parts[2] or not parts[5]:
        raise ValueError(f"{text!r} is not an ARN (arn:partition:service:region:account:resource)")
    return Arn(partition=parts[1], service=parts[2], region=parts[3], account=parts[4], resource=parts[5])


class Exportable(StrEnum):
    """What StartExportTask accepts as SourceArn, by the word in the ARN.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_StartExportTask.html
    """

    SNAPSHOT = "snapshot"
    CLUSTER_SNAPSHOT = "cluster-snapshot"
    CLUSTER = "cluster"


def is_exportable(arn: str) -> bool:
    """Whether the text is the ARN of an RDS snapshot, cluster snapshot or cluster."""
    try:
        exportable(arn)
    except ValueError:
        return False
    return True


def exportable(arn: str) -> tuple[Exportable, str]:
    """Returns kind and identifier (`rds:shop-2026-11-20-05-06`) of `arn:aws:rds:…:snapshot:rds:shop-2026-11-20-05-06`."""
    parsed = parse_arn(arn)
    kind, _, identifier = parsed.resource.partition(":")
    if parsed.service != "rds" or kind not in set(Exportable) or not identifier:
        raise ValueError(f"{arn!r} is not an ARN of an RDS snapshot, cluster snapshot or cluster")
    return Exportable(kind), identifier
