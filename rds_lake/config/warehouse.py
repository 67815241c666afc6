"""`warehouses:` of lake.yaml: Redshift that loads tables of the lake and files, runs SQL, and unloads results.

What belongs here: the settings, with description, default and the rule of each key by itself. Rules about several keys are
`warehouses/rules.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from rds_lake.config.lake import Arn, Settings
from rds_lake.model.warehouse.values import legal_date, legal_folder, legal_type, legal_uri

WarehouseName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
# A table of Redshift, a result, and an asset of Dagster. Redshift folds names to lower case.
TableName = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,126}$")]
ParameterName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
S3Uri = Annotated[str, AfterValidator(legal_uri)]
S3Folder = Annotated[S3Uri, AfterValidator(legal_folder)]
Minutes = Annotated[float, Field(ge=0, le=10080)]
# By tags of our own, so that a wrong value has one problem and not one with every type it might have had.
Keep = Annotated[
    Annotated[bool, Tag("[part]")] | Annotated[Minutes, Tag("[key]")],
    Discriminator(lambda value: "[part]" if isinstance(value, bool) else "[key]"),
]


class UsageLimit(Settings):
    """The most that Redshift Serverless may use; beyond it queries are refused by AWS."""

    rpu_hours: int = Field(ge=1)
    per: Literal["daily", "weekly", "monthly"] = "daily"


class Serverless(Settings):
    """Redshift Serverless: made once; nothing is billed without queries but storage."""

    base_capacity: int = Field(default=8, ge=4, le=1024, description="RPUs; AWS's own default is 128.")
    max_capacity: int = Field(default=32, ge=4, le=1024, description="RPUs that it may grow to.")
    usage_limit: UsageLimit | None = None
    usd_per_rpu_hour: float = Field(
        default=0.375,
        ge=0,
        description="Your Region's price, for estimates and the budget; https://aws.amazon.com/redshift/pricing/ has it.",
    )


class Cluster(Settings):
    """A provisioned cluster, which exists while a run needs it."""

    node_type: str = Field(default="ra3.large", pattern=r"^(ra3|rg|dc2)\.[a-z0-9]+$")
    nodes: int = Field(default=1, ge=1, le=128)
    usd_per_node_hour: float | None = Field(
        default=None, ge=0, description="Your Region's price of a node, for estimates. `budget_usd` needs it."
    )


class Existing(Settings):
    """A workgroup or cluster that somebody else made: exactly one of both."""

    workgroup: str | None = Field(default=None, pattern=r"^[a-z0-9-]{3,64}$")
    cluster: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9-]{0,62}$")
    secret: Arn | None = None
    db_user: str | None = Field(default=None, min_length=1, max_length=127)


class ColumnOfFile(Settings):
    """A column of a file, in Redshift's words."""

    name: str = Field(min_length=1, max_length=127)
    type: Annotated[str, AfterValidator(legal_type)]


class LoadOfTable(Settings):
    """A table of the lake."""

    table: str = Field(description="`<source>.<table>`, as Athena calls it.", pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$")
    date: Annotated[str, AfterValidator(legal_date)] = Field(
        default="published", description="`published`, or a snapshot date."
    )
    name: TableName | None = Field(default=None, description="The table's name in Redshift. Default: as in the lake.")
    load: Literal["spectrum", "copy"] | None = Field(default=None, description="Default: that of the warehouse.")

    @property
    def table_name(self) -> str:
        return self.name or self.table.partition(".")[2]


class LoadOfFiles(Settings):
    """Files in S3."""

    files: tuple[S3Uri, ...] = Field(min_length=1)
    name: TableName
    format: Literal["parquet", "csv", "text", "json"]
    columns: tuple[ColumnOfFile, ...] = Field(min_length=1)
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    header_lines: int = Field(default=0, ge=0)

    @property
    def table_name(self) -> str:
        return self.name


def _kind_of_load(value: object) -> str:
    """The tag of a load: of files where it names any."""
    if isinstance(value, dict):
        return "[key]" if "files" in value else "[part]"
    return "[key]" if isinstance(value, LoadOfFiles) else "[part]"


LoadSettings = Annotated[
    Annotated[LoadOfTable, Tag("[part]")] | Annotated[LoadOfFiles, Tag("[key]")],
    Discriminator(_kind_of_load),
]


class UnloadOfQuery(Settings):
    """A result: the rows of a query, or of a table that a load or step made."""

    name: TableName
    query: str | None = Field(default=None, min_length=1)
    table: TableName | None = None
    to: S3Folder
    format: Literal["csv", "parquet", "json", "text"] = "csv"
    header: bool | None = Field(default=None, description="Default: of csv and text.")
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    gzip: bool = False
    single_file: bool = False
    most_gb: float = Field(default=5, gt=0, le=5, description="Of a single file; a longer result is an error.")
    partition_by: tuple[str, ...] = ()

    @property
    def has_header(self) -> bool:
        return self.format in ("csv", "text") if self.header is None else self.header


class WarehouseSettings(Settings):
    """One entry of `warehouses:`."""

    name: WarehouseName = Field(examples=["warehouse"])
    mode: Literal["serverless", "cluster", "existing"] = "serverless"
    serverless: Serverless | None = None
    cluster: Cluster | None = None
    existing: Existing | None = None
    database: str = Field(default="warehouse", pattern=r"^[a-z_][a-z0-9_]{0,62}$")
    role: Arn | None = Field(default=None, description="IAM role of Redshift. Default: the stack makes one.")
    vpc: str | None = Field(
        default=None,
        pattern=r"^vpc-[0-9a-f]+$",
        description="VPC of the subnets; without `security_groups` the stack creates one in it that allows no inbound connections.",
    )
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    keep: Keep | None = Field(
        default=None,
        description="Whether it stays after a run, or for how many minutes. Default: serverless stays, a cluster goes.",
    )
    load: Literal["spectrum", "copy"] = "spectrum"
    parallel_loads: int = Field(default=4, ge=1, le=50)
    loads: tuple[LoadSettings, ...] = ()
    steps: str | None = Field(default=None, min_length=1, description="Folder of `.sql` files, beside lake.yaml.")
    parameters: dict[ParameterName, str] = Field(default_factory=dict)
    unload: tuple[UnloadOfQuery, ...] = ()
    budget_usd: float | None = Field(default=None, gt=0, description="What a run may cost at most.")
    most_hours: float = Field(default=6, gt=0, le=24, description="After which its lease expires, and all is removed.")
    input: S3Folder | None = Field(default=None, description="Prefix where JSON files that ask for a run arrive.")

    @property
    def keep_minutes(self) -> float | None:
        """How long it stays after a run: None for ever, 0 not at all."""
        keep = self.mode == "serverless" if self.keep is None else self.keep
        if isinstance(keep, bool):
            return None if keep else 0
        return keep
