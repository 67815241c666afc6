"""`rds-lake init`: look at an account, ask which databases and tables to export, and write a project that Dagster loads."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.dynamodb import DynamoGateway
from rds_lake.aws.rds import RdsGateway
from rds_lake.aws.session import open_clients
from rds_lake.config.lake_yaml import parse_config
from rds_lake.config.shared import Retention
from rds_lake.console.project.choose import by_name, by_number, ready
from rds_lake.console.project.discover import Discovered, Found, discover
from rds_lake.console.project.estimate import Month, MonthPrices, month_of, read_prices
from rds_lake.console.project.files import (
    SCHEMA_NAME,
    lake_files,
    package_name,
    project_files,
    require_room,
    write_files,
)
from rds_lake.console.project.lake_text import NewLake, lake_text
from rds_lake.console.project.listing import listing, month_lines
from rds_lake.errors import ConfigError
from rds_lake.infra.account import Account, find_account

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,49}")


class Ask(Protocol):
    """Asks a person; returns the default if they only press Enter."""

    def __call__(self, question: str, *, default: str) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The arguments. `ask`: None if there is no person to ask; then defaults are used."""

    folder: Path
    start_date: date
    ask: Ask | None
    name: str = "rds-lake"
    region: str | None = None
    bucket: str | None = None
    sources: tuple[str, ...] = ()
    prices: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    only_lake_yaml: bool = False


def init(asked: Asked, *, say: Callable[[str], None]) -> None:
    """Write the project. ConfigError, before anything is written, if AWS, an answer or an existing file prevents it."""
    package = package_name(asked.folder.resolve())
    written = lake_files("") if asked.only_lake_yaml else project_files("", package)
    require_room(asked.folder, written)
    prices, sizes = read_prices(asked.prices), _sizes(asked.sizes)
    _require_name(asked.name)
    say("looking at the account …")
    clients = open_clients(region=asked.region)
    account = find_account(clients)
    discovered = _found(clients, say)
    say(f"account {account.number}, Region {account.region}:")
    for line in listing(discovered.items):
        say(line)
    _require_known(sizes, discovered.items)
    chosen = _chosen(asked, discovered, say)
    bucket = asked.bucket or _asked(asked, "bucket of the lake", _bucket_name(asked.name, account))
    lake = NewLake(
        name=asked.name,
        account=account,
        bucket=bucket,
        start_date=asked.start_date,
        chosen=chosen,
        retention=Retention(),
    )
    text = lake_text(lake, SCHEMA_NAME)
    parse_config(text, where="the new lake.yaml")
    _say_month(month_of(chosen, prices, lake.retention, sizes), prices, say)
    write_files(asked.folder, lake_files(text) if asked.only_lake_yaml else project_files(text, package))
    for line in _goodbye(asked, written):
        say(line)


def _found(clients: AwsClients, say: Callable[[str], None]) -> Discovered:
    dynamodb = clients.client("dynamodb")
    discovered = discover(RdsGateway(clients.rds), DynamoGateway(dynamodb), say=say)
    for sentence in discovered.refused:
        say(f"note: {sentence}")
    if not discovered.items:
        raise ConfigError(
            "these credentials see no DB instance, cluster or DynamoDB table in this Region; nothing was written. Choose "
            "another Region with --region, or other credentials with AWS_PROFILE",
            discovered.refused,
        )
    return discovered


def _chosen(asked: Asked, discovered: Discovered, say: Callable[[str], None]) -> Sequence[Found]:
    items = discovered.items
    chosen = by_name(items, asked.sources) if asked.sources else _answered(asked, items, say)
    if not chosen:
        raise ConfigError("nothing was chosen, or nothing can be exported yet; nothing was written:", _obstacles(items))
    return chosen


def _answered(asked: Asked, items: Sequence[Found], say: Callable[[str], None]) -> Sequence[Found]:
    """Returns the choice by number; asks again after an answer that is not valid."""
    while True:
        try:
            return by_number(
                items, _asked(asked, "which ones: numbers such as 1, 3-5, or all that can be exported", "all")
            )
        except ConfigError as error:
            say(str(error))


def _obstacles(items: Sequence[Found]) -> list[str]:
    can = ready(items)
    return [f"{item.identifier}: {item.obstacle}" for item in items if item not in can]


def _asked(asked: Asked, question: str, default: str) -> str:
    return asked.ask(question, default=default) if asked.ask else default


def _sizes(texts: Sequence[str]) -> Mapping[str, float]:
    sizes: dict[str, float] = {}
    for text in texts:
        name, _, size = text.rpartition("=")
        try:
            sizes[name] = float(size)
        except ValueError as error:
            raise ConfigError(f"--size {text!r}: write NAME=GB, for example shop-prod=120") from error
        if not 0 <= sizes[name] < math.inf:
            raise ConfigError(f"--size {text!r}: a size is a number of GB, 0 or more")
    return sizes


def _require_known(sizes: Mapping[str, float], items: Sequence[Found]) -> None:
    if unknown := sorted(sizes.keys() - {item.identifier for item in items}):
        raise ConfigError(f"--size {', '.join(unknown)}: no such instance, cluster or table in the list above")


def _require_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"--name {name!r}: it is part of the names of role, key, queue and topic; use at most 50 letters, digits, _ and -"
        )


def _bucket_name(name: str, account: Account) -> str:
    """Returns the name in lower case, without `_`, and within S3's limit of 63 characters."""
    end = f"-{account.number}-{account.region}"
    return name.lower().replace("_", "-").strip("-")[: 63 - len(end)] + end


def _say_month(month: Month, prices: MonthPrices, say: Callable[[str], None]) -> None:
    for line in month_lines(month, prices):
        say(line)


def _goodbye(asked: Asked, written: Mapping[str, str]) -> Sequence[str]:
    folder = asked.folder
    moved = [] if folder == Path() else [f"  cd {shlex.quote(str(folder))}"]
    merged = (
        "  dg.Definitions.merge(rds_lake.definitions.defs(), yours)    # or a component of dg: docs/dagster-projects.md"
    )
    dagster = merged if asked.only_lake_yaml else "  DAGSTER_HOME=$PWD dagster dev    # or: dg dev"
    return [
        f"\nwritten to {folder.resolve()}: {', '.join(written)}",
        "next:",
        *moved,
        "  rds-lake validate    # after every change of lake.yaml",
        "  rds-lake setup       # makes bucket, key, roles, queue and rules in the account",
        "  rds-lake doctor      # is everything there, before anything is paid for",
        dagster,
    ]
