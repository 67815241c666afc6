"""The `lake:` section of lake.yaml.

What belongs here: its settings, each with description, default and rule. The settings of `sources:` are in `config/shared.py`
and in one file for each kind.
"""

from __future__ import annotations

import json
import re
from datetime import date
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from rds_lake.model.aws.arn import parse_arn
from rds_lake.model.aws.regions import region_problem
from rds_lake.model.cron import cron_problem


@lru_cache
def known_regions() -> tuple[str, ...]:
    """Returns the Regions that the installed botocore knows, from its file: importing botocore is slow; empty without it."""
    package = find_spec("botocore")
    path = Path(package.origin or "").parent / "data" / "partitions.json" if package else None
    if path is None or not path.is_file():
        return ()  # then only the form of a name is checked
    partitions = json.loads(path.read_text(encoding="utf-8"))["partitions"]
    return tuple(name for partition in partitions for name in partition["regions"] if not name.endswith("-global"))


def _legal_region(text: str) -> str:
    if problem := region_problem(text, known_regions()):
        raise ValueError(problem)
    return text


def _arn_of(service: str, what: str, resource: str = "") -> AfterValidator:
    """Returns a validator that accepts only ARNs of this service with an account, whose resource part begins with `resource`."""

    def legal(text: str) -> str:
        arn = parse_arn(text)
        fits = arn.service == service and arn.resource.startswith(resource) and re.fullmatch("[0-9]{12}", arn.account)
        if not fits:
            raise ValueError(f"{text!r} is not the ARN of {what}")
        return text

    return AfterValidator(legal)


def _legal_key(text: str) -> str:
    if text.startswith("arn:"):
        arn = parse_arn(text)
        if arn.service != "kms" or not arn.resource.startswith(("key/", "alias/")):
            raise ValueError(f"{text!r} is not the ARN of a KMS key (arn:aws:kms:REGION:ACCOUNT:key/ID)")
    return text


def _legal_schedule(text: str) -> str:
    if problem := cron_problem(text):
        raise ValueError(
            f"{text!r} is not a cron schedule: {problem}; for example `20 6 * * *` is every day at 06:20 UTC"
        )
    return text


def _clean_prefix(text: str) -> str:
    if ":" in text or text.startswith("/") or "//" in text:
        raise ValueError("must not start with '/' nor contain '//' or ':' (AWS refuses ':' in S3Prefix)")
    return text.rstrip("/")


Region = Annotated[str, AfterValidator(_legal_region)]
Role = Annotated[str, _arn_of("iam", "a role (arn:aws:iam::ACCOUNT:role/NAME)", "role/")]
Topic = Annotated[str, _arn_of("sns", "an SNS topic (arn:aws:sns:REGION:ACCOUNT:NAME)")]
Secret = Annotated[
    str, _arn_of("secretsmanager", "a secret (arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME)", "secret:")
]
Function = Annotated[str, _arn_of("lambda", "a function (arn:aws:lambda:REGION:ACCOUNT:function:NAME)", "function:")]
Key = Annotated[str, AfterValidator(_legal_key)]
Cron = Annotated[str, AfterValidator(_legal_schedule)]
Prefix = Annotated[str, AfterValidator(_clean_prefix)]
BucketName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]


class Settings(BaseModel):
    """A section of lake.yaml; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Prices(Settings):
    """What AWS charges, in USD: for estimates only. Prices differ by Region and change."""

    export_per_gb_snapshot: float = Field(
        default=0.010, ge=0, description="To export a snapshot of RDS or Aurora, for each GB of the snapshot."
    )
    export_per_gb_dynamodb: float = Field(
        default=0.10, ge=0, description="To export a table of DynamoDB, for each GB of the table."
    )
    put_per_1000: float = Field(default=0.005, ge=0, description="For 1,000 requests to S3 that write, copy or list.")
    get_per_1000: float = Field(default=0.0004, ge=0, description="For 1,000 requests to S3 that read.")


class Notify(Settings):
    """How people are informed of failures and of dates that wait, beside the topic `notifications`."""

    webhook: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s]+$",
        repr=False,
        description="URL that gets each message as JSON with `text`, as Slack's incoming webhooks take it. Anyone who knows "
        "the URL can post there, so use an environment variable, `${NAME}`.",
        examples=["${SLACK_WEBHOOK}"],
    )
    dagster_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s]+$",
        description="Where people open Dagster's UI. Messages of failed runs link to the run.",
        examples=["https://dagster.example.com"],
    )


class Report(Settings):
    """A page about the whole lake, written to S3 by Dagster."""

    schedule: Cron = Field(default="40 6 * * *", description="When Dagster writes the report of the day: cron, UTC.")


class LakeSettings(Settings):
    """The `lake:` section: where the lake lives and what AWS objects serve it."""

    bucket: BucketName = Field(
        description="Bucket of relocated Parquet, manifests and Athena results.", examples=["acme-lake"]
    )
    prefix: Prefix = Field(default="lake", description="Key prefix of everything rds-lake writes in `bucket`.")
    export_bucket: BucketName | None = Field(
        default=None, description="Bucket that AWS writes exports to, in the snapshots' Region. Default: `bucket`."
    )
    export_prefix: Prefix = Field(default="exports", description="Key prefix of AWS's exports.")
    export_bucket_owner: str | None = Field(
        default=None,
        pattern=r"^[0-9]{12}$",
        description="Account of `export_bucket`, if DynamoDB exports to another account's bucket.",
    )
    export_role: Role | None = Field(
        default=None,
        description="IAM role that export.rds.amazonaws.com assumes to write the export. Required for databases, not for DynamoDB.",
    )
    kms_key: Key | None = Field(
        default=None,
        min_length=1,
        description="KMS key (ARN, id or alias/…) of exports and of what rds-lake writes. Required for databases. Without it, "
        "the bucket's default encryption applies.",
    )
    events_queue: str = Field(
        pattern=r"^[A-Za-z0-9_-]{1,80}$",
        description="SQS queue that EventBridge sends RDS events to.",
        examples=["rds-lake-events"],
    )
    notifications: Topic | None = Field(
        default=None, description="SNS topic for failures. None: only Dagster shows them."
    )
    notify: Notify = Field(
        default=Notify(), description="A webhook that gets the same messages as the topic, and links to Dagster."
    )
    report: Report | None = Field(
        default=None,
        description="`{}`: Dagster writes a page about the lake to S3, every day. None: only `rds-lake report` writes it.",
    )
    workgroup: str = Field(
        default="primary",
        pattern=r"^[a-zA-Z0-9._-]{1,128}$",
        description="Athena workgroup that creates the views.",
    )
    region: Region | None = Field(default=None, description="AWS Region. Default: the session's.")
    start_date: date = Field(description="First snapshot date that has a partition (UTC).", examples=["2026-01-01"])
    export_quota: int = Field(
        default=5, ge=1, description="Exports that AWS allows the account at once, including those that others start."
    )
    copy_threads: int = Field(
        default=512,
        ge=1,
        le=1024,
        description="Maximum concurrent requests to S3. Reached only when S3 answers slowly; reduced when S3 says SlowDown.",
    )
    reconcile_days: int = Field(
        default=3,
        ge=0,
        le=35,
        description="How many dates back the reconciliation sensor looks for snapshots that were not exported. 0: none.",
    )
    glue_job: str = Field(
        default="rds-lake-convert",
        pattern=r"^[A-Za-z0-9_-]{1,120}$",
        description="Glue job that converts DynamoDB tables of sources with `converter: glue` or `auto`.",
    )
    glue_role: Role | None = Field(default=None, description="IAM role of that job; those sources need one.")
    glue_workers: int = Field(
        default=10, ge=2, le=299, description="Workers (G.1X) a run of that job may have; Glue takes fewer if it can."
    )
    glue_runs: int = Field(default=10, ge=1, le=1000, description="Concurrent runs of that job.")
    prices: Prices = Field(default=Prices(), description="Prices in USD for cost estimates.")

    @property
    def exports_bucket(self) -> str:
        return self.export_bucket or self.bucket
