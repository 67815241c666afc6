"""`warehouses:` of lake.yaml: Redshift that loads tables of the lake and files, runs SQL, and unloads results.

What belongs here: the settings, each with description, default and rule. Rules about several keys are in `warehouses/rules.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from rds_lake.config.lake import Role, Secret, Settings
from rds_lake.model.warehouse.values import legal_date, legal_folder, legal_type, legal_uri

WarehouseName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
# The name of a Redshift table, a result or a Dagster asset. Redshift folds names to lower case.
TableName = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,126}$")]
ParameterName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
S3Uri = Annotated[str, AfterValidator(legal_uri)]
S3Folder = Annotated[S3Uri, AfterValidator(legal_folder)]
Minutes = Annotated[float, Field(ge=0, le=10080)]
# Custom tags choose the type, so that an invalid value gives one problem, not one for each possible type.
Keep = Annotated[
    Annotated[bool, Tag("[part]")] | Annotated[Minutes, Tag("[key]")],
    Discriminator(lambda value: "[part]" if isinstance(value, bool) else "[key]"),
]


class UsageLimit(Settings):
    """The most that Redshift Serverless may use; beyond it queries are refused by AWS."""

    rpu_hours: int = Field(ge=1, description="RPU hours that may be used in a period.", examples=[10])
    per: Literal["daily", "weekly", "monthly"] = Field(
        default="daily", description="The period of the limit, after which AWS starts counting again."
    )


class Serverless(Settings):
    """Redshift Serverless: made once; nothing is billed without queries but storage."""

    base_capacity: int = Field(default=8, ge=4, le=1024, description="RPUs; AWS's own default is 128.")
    max_capacity: int = Field(default=32, ge=4, le=1024, description="RPUs that it may grow to.")
    usage_limit: UsageLimit | None = Field(
        default=None, description="Usage limit; when it is reached, AWS refuses queries. None: no limit."
    )
    usd_per_rpu_hour: float = Field(
        default=0.375,
        ge=0,
        description="Your Region's price, for estimates and the budget; https://aws.amazon.com/redshift/pricing/ has it.",
    )


class Cluster(Settings):
    """A provisioned cluster, which exists while a run needs it."""

    node_type: str = Field(
        default="ra3.large",
        pattern=r"^(ra3|rg|dc2)\.[a-z0-9]+$",
        description="Redshift's type of node. Not every Region has all of them.",
    )
    nodes: int = Field(default=1, ge=1, le=128, description="How many nodes the cluster has.")
    usd_per_node_hour: float | None = Field(
        default=None, ge=0, description="Your Region's price of a node, for estimates. `budget_usd` needs it."
    )


class Existing(Settings):
    """A workgroup or cluster that rds-lake does not create: exactly one of the two is set."""

    workgroup: str | None = Field(
        default=None, pattern=r"^[a-z0-9-]{3,64}$", description="Name of a workgroup of Redshift Serverless."
    )
    cluster: str | None = Field(
        default=None, pattern=r"^[a-z][a-z0-9-]{0,62}$", description="Identifier of a provisioned cluster."
    )
    secret: Secret | None = Field(
        default=None,
        description="Secrets Manager secret of the database user who runs the statements. Without it that is `db_user` of a "
        "cluster, and in a workgroup the user of the role that Dagster runs as.",
    )
    db_user: str | None = Field(
        default=None,
        min_length=1,
        max_length=127,
        description="Database user of a cluster, who then needs no password: AWS issues one for each session.",
    )


class ColumnOfFile(Settings):
    """A column of a file, in Redshift's words."""

    name: str = Field(min_length=1, max_length=127, description="The column's name in Redshift.")
    type: Annotated[str, AfterValidator(legal_type)] = Field(
        description="The column's type in Redshift.", examples=["varchar(40)"]
    )


class LoadOfTable(Settings):
    """A table of the lake."""

    table: str = Field(description="`<source>.<table>`, as Athena calls it.", pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$")
    date: Annotated[str, AfterValidator(legal_date)] = Field(
        default="published", description="`published`, or a snapshot date."
    )
    name: TableName | None = Field(default=None, description="Name of the table in Redshift. Default: as in the lake.")
    load: Literal["spectrum", "copy"] | None = Field(
        default=None, description="How to load it. Default: the warehouse's `load`."
    )

    @property
    def table_name(self) -> str:
        return self.name or self.table.partition(".")[2]


class LoadOfFiles(Settings):
    """Files in S3."""

    files: tuple[S3Uri, ...] = Field(
        min_length=1, description="S3 URIs of files. A URI that ends with `/` is a folder: all its files are loaded."
    )
    name: TableName = Field(description="The table's name in Redshift.")
    format: Literal["parquet", "csv", "text", "json"] = Field(
        description="Format of the files; text: delimited lines without quotes. Files named .gz are read as gzip."
    )
    columns: tuple[ColumnOfFile, ...] = Field(
        min_length=1, description="Columns of the table, in the order in which the files have them."
    )
    delimiter: str | None = Field(
        default=None,
        min_length=1,
        max_length=1,
        description="The character between two values, of csv and text. Default: `,` for csv, `|` for text.",
    )
    header_lines: int = Field(
        default=0, ge=0, description="Lines at the beginning of each csv or text file that are not loaded."
    )

    @property
    def table_name(self) -> str:
        return self.name


def _kind_of_load(value: object) -> str:
    """Returns the tag of a load's type: a load of files if it has `files`, otherwise of a table."""
    if isinstance(value, dict):
        return "[key]" if "files" in value else "[part]"
    return "[key]" if isinstance(value, LoadOfFiles) else "[part]"


LoadSettings = Annotated[
    Annotated[LoadOfTable, Tag("[part]")] | Annotated[LoadOfFiles, Tag("[key]")],
    Discriminator(_kind_of_load),
]


class UnloadOfQuery(Settings):
    """A result: the rows of a query, or of a table that a load or step made."""

    name: TableName = Field(description="Name of the asset in Dagster, and of the file with `single_file: true`.")
    query: str | None = Field(
        default=None,
        min_length=1,
        description="A SELECT whose rows are the result. Give either `query` or `table`.",
    )
    table: TableName | None = Field(
        default=None, description="A table from a load or step; all its rows are the result."
    )
    to: S3Folder = Field(
        description="Folder in S3 for the files. May use `{{run}}`, `{{date}}`, `{{warehouse}}` and parameters.",
        examples=["s3://acme-results/recommendations/"],
    )
    format: Literal["csv", "parquet", "json", "text"] = Field(
        default="csv",
        description="Format of the files; text: delimited lines, with `\\` before special characters instead of quotes.",
    )
    header: bool | None = Field(
        default=None,
        description="Whether the first line of each file names the columns. Default: yes for csv and text.",
    )
    delimiter: str | None = Field(
        default=None,
        min_length=1,
        max_length=1,
        description="The character between two values, of csv and text. Default: `,` for csv, `|` for text.",
    )
    gzip: bool = Field(default=False, description="Compress the files with gzip. Parquet is compressed anyway.")
    single_file: bool = Field(
        default=False,
        description="Write exactly one file, such as `<to><name>.csv`; a result that is too big for one file is an error.",
    )
    most_gb: float = Field(
        default=5, gt=0, le=5, description="Maximum size of a single file, in GB; a larger result is an error."
    )
    partition_by: tuple[str, ...] = Field(
        default=(), description="Partition columns: files go into folders `<column>=<value>/`."
    )

    @property
    def has_header(self) -> bool:
        return self.format in ("csv", "text") if self.header is None else self.header


class WarehouseSettings(Settings):
    """One entry of `warehouses:`."""

    name: WarehouseName = Field(
        description="Name in Dagster and S3; must differ from every source's.", examples=["warehouse"]
    )
    mode: Literal["serverless", "cluster", "existing"] = Field(
        default="serverless",
        description="serverless: Redshift Serverless, billed by what queries use. cluster: nodes that exist while a run needs "
        "them. existing: a warehouse that you run; rds-lake does not create or remove it.",
    )
    serverless: Serverless | None = Field(default=None, description="Capacity and limits of `mode: serverless`.")
    cluster: Cluster | None = Field(default=None, description="Nodes of `mode: cluster`.")
    existing: Existing | None = Field(
        default=None, description="The Redshift and the database user of `mode: existing`."
    )
    database: str = Field(
        default="warehouse", pattern=r"^[a-z_][a-z0-9_]{0,62}$", description="The database in Redshift."
    )
    role: Role | None = Field(default=None, description="IAM role of Redshift. Default: the stack makes one.")
    vpc: str | None = Field(
        default=None,
        pattern=r"^vpc-[0-9a-f]+$",
        description="VPC of the subnets; without `security_groups` the stack creates one in it that allows no inbound connections.",
    )
    subnets: tuple[str, ...] = Field(
        default=(), description="Subnets of the warehouse. Default: those of the VPC, or of the default VPC."
    )
    security_groups: tuple[str, ...] = Field(
        default=(), description="Security groups of the warehouse. Default: see `vpc`."
    )
    keep: Keep | None = Field(
        default=None,
        description="Whether to keep it after a run, or for how many minutes. Default: serverless is kept, a cluster is removed.",
    )
    load: Literal["spectrum", "copy"] = Field(
        default="spectrum",
        description="How tables of the lake are loaded. spectrum: CREATE TABLE from an external schema, with the types of "
        "the Athena view. copy: COPY of the Parquet files.",
    )
    parallel_loads: int = Field(default=4, ge=1, le=50, description="How many loads, and steps, run at once.")
    loads: tuple[LoadSettings, ...] = Field(
        default=(), description="What a run loads: tables of the lake, and files in S3."
    )
    steps: str | None = Field(default=None, min_length=1, description="Folder of `.sql` files, beside lake.yaml.")
    parameters: dict[ParameterName, str] = Field(
        default_factory=dict,
        description="Names and values that steps and queries may use as `{{name}}`; each becomes an SQL literal.",
    )
    unload: tuple[UnloadOfQuery, ...] = Field(
        default=(), description="Results: rows of a query or table that a run writes to S3."
    )
    budget_usd: float | None = Field(default=None, gt=0, description="Maximum cost of a run.")
    most_hours: float = Field(
        default=6, gt=0, le=24, description="Time after which the lease expires and everything is removed."
    )
    input: S3Folder | None = Field(default=None, description="Prefix where JSON files that ask for a run arrive.")

    @property
    def keep_minutes(self) -> float | None:
        """Minutes for which the warehouse is kept after a run; None: for ever, 0: not at all."""
        keep = self.mode == "serverless" if self.keep is None else self.keep
        if isinstance(keep, bool):
            return None if keep else 0
        return keep
