"""The example on this machine: a PostgreSQL for RDS, and AWS by the local cloud, with its gate on. `make demo-warehouse` runs it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from account import Account, in_an_account
from dagster_in_short import Dagster
from data import FILES, fill, upload

HERE = Path(__file__).parent
WAREHOUSE = "recommendations"
Say = Callable[[str], None]


def story(say: Say) -> list[str]:
    """A lake with one published date, files in S3, a JSON that is dropped, and what comes of it; the result's lines."""
    with in_an_account(HERE / "lake.yaml", fill) as (account, instance):
        say(f"rds-lake setup made the lake; Dagster works as {account.role}, and the gate is on")
        dagster = Dagster(account, instance)
        dagster.publish("billing", say)
        upload(account.root.s3)
        say(f"in s3://acme-drop/recommendations/: {', '.join(FILES)}")
        say("\nA JSON is dropped whose table and file names are wrong:")
        _drop(account, "broken.json", BROKEN)
        dagster.tick(f"{WAREHOUSE}__turns")
        for problem in account.errors("recommendations/broken.json.errors.json"):
            say(f"    {problem}")
        say("\nThe right one is dropped:")
        _drop(account, "november.json", (HERE / "november.json").read_text(encoding="utf-8"))
        dagster.until_reported(f"{WAREHOUSE}__turns", say)
        say("\nWhat it made, in one file:")
        lines = account.result()
        for line in lines:
            say(f"    {line}")
        say("\nWhat is left of it in the account:")
        for what, left in account.left().items():
            say(f"    {what}: {', '.join(left) or 'nothing'}")
        return lines


BROKEN = """{"version": 1,
 "tables": [{"table": "usage", "files": ["usage/usage_9.psv.gz"]},
            {"schema": "billings", "table": "accounts"},
            {"schema": "marketing", "table": "offers", "files": ["offers.json"],
             "columns": [{"name": "offer", "type": "string"}]}],
 "delete_stack": "yes"}"""


def _drop(account: Account, name: str, text: str) -> None:
    account.root.s3.put_object(Bucket="acme-drop", Key=f"recommendations/{name}", Body=text.encode())


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # what sensors and runs say is a page for each
    story(print)
