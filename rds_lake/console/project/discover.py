"""Lists everything in an account that a lake can export: DB instances, clusters, DynamoDB tables.

If a service refuses the call, the refusal is shown, and the other services are still listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from rds_lake.aws.dynamodb import DynamoGateway
from rds_lake.aws.rds import RdsGateway
from rds_lake.errors import AwsError, RdsLakeError
from rds_lake.model.aws.server import DatabaseServer

_OFTEN = 50  # tables between two progress messages: DynamoDB allows ten calls about recovery per second


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTable:
    """A DynamoDB table. `recovers`: whether point-in-time recovery is on; None if unknown."""

    name: str
    gb: float
    recovers: bool | None

    @property
    def kind(self) -> str:
        return "dynamodb"

    @property
    def identifier(self) -> str:
        return self.name

    @property
    def obstacle(self) -> str | None:
        """Returns why it cannot be exported now, with the remedy; None if it can."""
        if self.recovers is False:
            return "point-in-time recovery is off: aws dynamodb update-continuous-backups turns it on"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundServer:
    """A DB instance or cluster."""

    server: DatabaseServer

    @property
    def kind(self) -> str:
        return self.server.kind

    @property
    def identifier(self) -> str:
        return self.server.identifier

    @property
    def gb(self) -> float | None:
        return self.server.size_gb

    @property
    def obstacle(self) -> str | None:
        """Returns why it cannot be exported now, with the remedy; None if it can."""
        if self.server.obstacle:
            return self.server.obstacle
        if self.server.backup_days == 0:
            return "automated backups are off: turn them on, or take snapshots by hand (`snapshots: [manual]`)"
        return None


Found = FoundServer | FoundTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """Everything found, databases first. `refused`: sentences about refused calls."""

    items: Sequence[Found]
    refused: Sequence[str]


def discover(rds: RdsGateway, dynamodb: DynamoGateway, *, say: Callable[[str], None]) -> Discovered:
    """Lists the items of every service. `say` gets progress if there are many tables."""
    items: list[Found] = []
    refused: list[str] = []
    kinds: list[tuple[str, Callable[[], Sequence[Found]]]] = [
        ("DB instances", lambda: [FoundServer(server=server) for server in rds.list_servers("rds")]),
        ("clusters", lambda: [FoundServer(server=server) for server in rds.list_servers("aurora")]),
        ("DynamoDB tables", lambda: list(_tables(dynamodb, partial(_refuse, refused), say))),
    ]
    for what, ask in kinds:
        try:
            items += ask()
        except RdsLakeError as error:
            refused.append(f"{what} could not be listed: {error}")
    return Discovered(items=items, refused=refused)


def _refuse(refused: list[str], sentence: str) -> None:
    """Record a refusal that concerns every table only once."""
    if sentence not in refused:
        refused.append(sentence)


def _tables(dynamodb: DynamoGateway, refuse: Callable[[str], None], say: Callable[[str], None]) -> Iterator[FoundTable]:
    names = dynamodb.list_tables()
    for number, name in enumerate(names):
        if number and number % _OFTEN == 0:
            say(f"looked at {number} of {len(names)} DynamoDB tables")
        try:
            table = dynamodb.find_table(name)
        except AwsError as error:
            refuse(f"tables whose size is not known: {error.code} at DescribeTable")
            yield FoundTable(name=name, gb=0.0, recovers=_recovers(dynamodb, name, refuse))
            continue
        if table is not None:
            yield FoundTable(name=name, gb=table.bytes / 1e9, recovers=_recovers(dynamodb, name, refuse))


def _recovers(dynamodb: DynamoGateway, name: str, refuse: Callable[[str], None]) -> bool | None:
    try:
        return dynamodb.recovery(name).earliest is not None
    except AwsError as error:
        refuse(f"it is not known whether point-in-time recovery is on: {error.code} at DescribeContinuousBackups")
        return None
