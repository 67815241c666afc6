"""What a deleted stack leaves in the account, what it costs, and how the next stack uses it again.

The prices are those of docs/template.md: AWS's published prices of us-east-1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rds_lake.infra.stack.client import Event

_MOST_NAMES = 10
# Type -> what it is called, what it costs, and what the next deployment is given.
_COSTS = {
    "AWS::S3::Bucket": ("bucket", "S3's price of what is in it, until you delete it"),
    "AWS::KMS::Key": (
        "key",
        "1 USD a month, more with each of the first two rotations; without the key nobody can read the lake",
    ),
    "AWS::KMS::Alias": ("alias of the key", "nothing"),
    "AWS::S3::BucketPolicy": ("policy of bucket", "nothing"),
    "AWS::Glue::Database": ("Glue database with its tables", "free up to a million objects in the account"),
    "AWS::Backup::BackupVault": ("AWS Backup's vault with its recovery points", "AWS Backup's price of what is in it"),
}
_AGAIN = {
    "AWS::KMS::Key": "--parameter KeyArn=ARN",
    "AWS::Glue::Database": "--parameter Databases=existing",
    "AWS::Backup::BackupVault": "--parameter NamePrefix=ANOTHER",
}


def kept(events: Sequence[Event]) -> list[Event]:
    """Returns the resources that were not deleted; `events`: of the whole stack, oldest first."""
    last = {(event.logical, event.physical): event for event in events if not event.of_stack and event.physical}
    return [event for event in last.values() if event.status == "DELETE_SKIPPED"]


def stays(events: Sequence[Event]) -> Iterator[str]:
    """Returns one line for each kind of remaining resource."""
    kinds: dict[str, list[Event]] = {}
    for event in kept(events):
        kinds.setdefault(event.type, []).append(event)
    for kind, resources in kinds.items():
        name, cost = _COSTS.get(kind, (kind, "see AWS's prices"))
        again = _again(kind, resources)
        yield f"stays: {name} {_names(resources)}; costs {cost}" + (f"; to deploy again: {again}" if again else "")


def _names(resources: Sequence[Event]) -> str:
    shown = ", ".join(event.physical for event in resources[:_MOST_NAMES])
    return shown + (f" and {len(resources) - _MOST_NAMES} more" if len(resources) > _MOST_NAMES else "")


def _again(kind: str, resources: Sequence[Event]) -> str:
    if kind == "AWS::S3::Bucket":
        # The parameters are named as the resources, which end in `Itself`: infra/template/storage.py.
        return " ".join(f"--parameter {event.logical.removesuffix('Itself')}=existing" for event in resources)
    return _AGAIN.get(kind, "")
