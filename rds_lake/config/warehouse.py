"""`warehouses:` of lake.yaml: Redshift that loads tables of the lake and files, runs SQL, and unloads results."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rds_lake.config.lake import Arn, Settings

WarehouseName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
S3Uri = Annotated[str, Field(pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.*$")]


class UsageLimit(Settings):
    """The most that Redshift Serverless may use; beyond it queries are refused by AWS."""

    rpu_hours: int = Field(ge=1)
    per: Literal["daily", "weekly", "monthly"] = "daily"


class Serverless(Settings):
    """Redshift Serverless: made once; nothing is billed without queries but storage."""

    base_capacity: int = Field(default=8, ge=4, le=1024, description="RPUs; AWS's own default is 128.")
    max_capacity: int = Field(default=32, ge=4, le=1024, description="RPUs that it may grow to.")
    usage_limit: UsageLimit | None = None


class Cluster(Settings):
    """A provisioned cluster, which exists while a run needs it."""

    node_type: str = Field(default="ra3.large", pattern=r"^(ra3|rg|dc2)\.[a-z0-9]+$")
    nodes: int = Field(default=1, ge=1, le=128)


class Existing(Settings):
    """A workgroup or cluster that somebody else made: exactly one of both."""

    workgroup: str | None = None
    cluster: str | None = None
    secret: Arn | None = None
    db_user: str | None = None


class ColumnOfFile(Settings):
    name: str = Field(min_length=1, max_length=127)
    type: str = Field(min_length=1, max_length=60)


class LoadOfTable(Settings):
    """A table of the lake."""

    table: str = Field(description="`<source>.<table>`, as Athena calls it.", pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$")
    date: str = Field(default="published", description="`published`, or a snapshot date.")
    name: str | None = Field(default=None, description="The table's name in Redshift. Default: as in the lake.")
    load: Literal["spectrum", "copy"] | None = Field(default=None, description="Default: that of the warehouse.")


class LoadOfFiles(Settings):
    """Files in S3."""

    files: tuple[S3Uri, ...] = Field(min_length=1)
    name: str = Field(min_length=1, max_length=127)
    format: Literal["parquet", "csv", "text", "json"]
    columns: tuple[ColumnOfFile, ...] = Field(min_length=1)
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    header_lines: int = Field(default=0, ge=0)


class UnloadOfQuery(Settings):
    """A result: the rows of a query, or of a table that a load or step made."""

    name: str = Field(min_length=1, max_length=127)
    query: str | None = None
    table: str | None = None
    to: S3Uri
    format: Literal["csv", "parquet", "json", "text"] = "csv"
    header: bool = True
    gzip: bool = False
    single_file: bool = False
    partition_by: tuple[str, ...] = ()


class WarehouseSettings(Settings):
    """One entry of `warehouses:`."""

    name: WarehouseName
    mode: Literal["serverless", "cluster", "existing"] = "serverless"
    serverless: Serverless | None = None
    cluster: Cluster | None = None
    existing: Existing | None = None
    database: str = Field(default="warehouse", pattern=r"^[a-z_][a-z0-9_]{0,62}$")
    role: Arn | None = Field(default=None, description="IAM role of Redshift. Default: the stack makes one.")
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    vpc: str | None = Field(
        default=None, description="Without `security_groups`, the stack makes one of this VPC that lets nobody in."
    )
    keep: bool | float = Field(default=False, description="Whether it stays after a run, or for how many minutes.")
    load: Literal["spectrum", "copy"] = "spectrum"
    parallel_loads: int = Field(default=4, ge=1, le=50)
    loads: tuple[LoadOfTable | LoadOfFiles, ...] = ()
    steps: str | None = Field(default=None, description="Folder of `.sql` files.")
    parameters: dict[str, str] = Field(default_factory=dict)
    unload: tuple[UnloadOfQuery, ...] = ()
    budget_usd: float | None = Field(default=None, gt=0, description="What a run may cost at most.")
    most_hours: float = Field(default=6, gt=0, le=24, description="After which its lease expires, and all is removed.")
    input: S3Uri | None = Field(default=None, description="Prefix where JSON files that ask for a run arrive.")
