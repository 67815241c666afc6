"""Parses the JSON that asks a warehouse for a run; it is put into S3 under the warehouse's `input:`.

    {
      "version": 1,
      "tables": [
        {"schema": "onprem", "table": "usage", "files": ["usage_1.gz", "usage_2.gz"], "format": "text", "delimiter": "|",
         "columns": [{"name": "account", "type": "bigint"}, {"name": "day", "type": "date"}]},
        {"schema": "billing", "table": "invoices", "date": "2026-11-20"}
      ],
      "parameters": {"month": "2026-11"},
      "results": ["recommendations"],
      "delete_stack": true
    }

A table with `files` is loaded from S3; each file is a name in the folder of the JSON, or a full URI. A table without `files` is
loaded from the lake; its schema is the name of a source. What belongs here: the JSON. `stages/warehouse/planning/plan.py` applies
lake.yaml to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from rds_lake.errors import InputError
from rds_lake.model.warehouse.values import legal_date, legal_type

MOST_BYTES = 1_000_000
_MOST_PROBLEMS = 100
_SHOWN = 80
_Name = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,126}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class InputColumn(_Part):
    """A column of files, in the files' order."""

    name: str = Field(min_length=1, max_length=127, description="Name of the column in Redshift.")
    type: Annotated[str, AfterValidator(legal_type)] = Field(description="Type in Redshift, such as varchar(200).")


class InputTable(_Part):
    """A table to load, from files in S3 or from the lake."""

    table: _Name = Field(description="Name of the table in Redshift; for a table of the lake, its name in Athena.")
    schema_: str | None = Field(
        default=None,
        alias="schema",
        min_length=1,
        max_length=127,
        description="For a table of the lake: its source. For files: where they come from, for information only.",
    )
    name: _Name | None = Field(
        default=None, description="Another name in Redshift, for a table whose name another table has too."
    )
    date: Annotated[str, AfterValidator(legal_date)] | None = Field(
        default=None, description="For a table of the lake: `published` (the default), or a snapshot date."
    )
    files: list[Annotated[str, Field(min_length=1, max_length=1100)]] | None = Field(
        default=None, min_length=1, max_length=10_000, description="Names beside this JSON, or s3://bucket/key."
    )
    format: Literal["parquet", "csv", "text", "json"] | None = Field(
        default=None, description="Format of the files. Default: the format in lake.yaml for the table of this name."
    )
    columns: list[InputColumn] | None = Field(
        default=None,
        min_length=1,
        max_length=1600,
        description="Columns of the files. Default: the columns in lake.yaml.",
    )
    delimiter: str | None = Field(
        default=None, min_length=1, max_length=1, description="Character between two values of csv and text files."
    )
    header_lines: int = Field(
        default=0, ge=0, le=1000, description="Lines at the beginning of csv and text files that are not loaded."
    )

    @property
    def table_name(self) -> str:
        return self.name or self.table

    @property
    def is_left_out(self) -> bool:
        """Whether it replaces a table that cannot be read (`InputError.rest`)."""
        return not self.table


class WarehouseInput(_Part):
    """What one run loads and unloads, and its parameters. lake.yaml decides what it does not give."""

    version: Literal[1] = Field(description="Of this format.")
    tables: list[InputTable] = Field(
        default=[],
        max_length=1000,
        description="Tables to load, in addition to `loads:` in lake.yaml or instead of them.",
    )
    parameters: dict[str, Annotated[str, Field(max_length=10_000)]] = Field(
        default={}, max_length=200, description="Values for `parameters:` of lake.yaml."
    )
    results: list[_Name] | None = Field(
        default=None, min_length=1, description="Names of results in `unload:` of lake.yaml. Default: all."
    )
    note: str | None = Field(
        default=None, max_length=1000, description="Free text. The same content with another text starts another run."
    )
    delete_stack: bool | None = Field(
        default=None, description="true: everything is removed after the run. Default: `keep:` in lake.yaml decides."
    )


# Replaces a table that cannot be read.
_LEFT_OUT = InputTable.model_construct(table="", schema_=None, name=None, files=None)


def input_schema() -> dict[str, Any]:
    """Returns the published JSON schema of an input."""
    schema = WarehouseInput.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "rds-lake warehouse input"} | {
        key: value for key, value in schema.items() if key != "title"
    }


def parse_input(text: str) -> WarehouseInput:
    """Returns the input in the text. Raises InputError with every problem, its JSON path and what to do; no other error."""
    body = _object(text)
    try:
        value = _validated(body)
    except ValidationError as error:
        details = error.errors(include_url=False)
        rest = _without(body, [detail["loc"] for detail in details])
        more = list(_problems(rest)) if rest is not None else []
        raise InputError(_several([*map(_sentence, details), *more]), rest) from None
    if problems := list(_problems(value)):
        raise InputError(_several(problems), value)
    return value


def _validated(body: Mapping[str, Any]) -> WarehouseInput:
    return WarehouseInput.model_validate_json(json.dumps(body))


def _without(body: Mapping[str, Any], wrong: Sequence[tuple[int | str, ...]]) -> WarehouseInput | None:
    """Returns the input without its errors; a wrong table leaves an empty place. None if nothing can be read."""
    keys = {loc[0] for loc in wrong if len(loc) == 1 or loc[0] != "tables"}
    tables = {loc[1] for loc in wrong if len(loc) > 1 and loc[0] == "tables"}
    rest: dict[str, Any] = {key: value for key, value in body.items() if key not in keys} | {"version": 1}
    written = rest.get("tables", ())
    if tables:
        rest["tables"] = [table for at, table in enumerate(written) if at not in tables]
    try:
        value = _validated(rest)
    except ValidationError:
        return None
    right = iter(value.tables)
    places = [_LEFT_OUT if at in tables else next(right) for at in range(len(written))]
    return value.model_copy(update={"tables": places})


def _object(text: str) -> Mapping[str, Any]:
    twice: list[str] = []

    def unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        twice.extend(
            f"$: the key {key[:_SHOWN]!r} is written twice; remove one" for key in {*keys} if keys.count(key) > 1
        )
        return dict(pairs)

    if len(text) > MOST_BYTES:
        raise InputError([f"$: {len(text):,} characters; an input has at most {MOST_BYTES:,}"])
    try:
        body = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=unique, parse_constant=_no_number)
        json.dumps(body)  # fails here, not later, if it is nested too deep to be written
    except RecursionError:
        raise InputError(["$: nested too deep to be an input; see `rds-lake warehouse schema`"]) from None
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}"
        raise InputError([f"$: is not JSON: {error.msg} at {at}; correct it there"]) from None
    except ValueError as error:
        raise InputError([f"$: is not JSON: {str(error)[:200]}"]) from None
    if not isinstance(body, dict):
        raise InputError(
            [f"$: must be an object, `{{…}}`, not a {type(body).__name__}; see `rds-lake warehouse schema`"]
        )
    if twice:
        raise InputError(_several(twice))
    return body


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is not a number of JSON")


def _several(problems: Sequence[str]) -> list[str]:
    more = len(problems) - _MOST_PROBLEMS
    return [*problems[:_MOST_PROBLEMS], *([f"… and {more} more"] if more > 0 else [])]


def _sentence(detail: ErrorDetails) -> str:
    path = "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step[:_SHOWN]}" for step in detail["loc"])
    value = repr(detail["input"])
    shown = value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…"
    match detail["type"]:
        case "extra_forbidden":
            return f"{path}: unknown key; remove it, or correct its spelling (`rds-lake warehouse schema` lists all)"
        case "missing":
            return f"{path}: is required; add it"
        case "value_error":
            return f"{path}: {detail['msg'].removeprefix('Value error, ')}"
        case _:
            return f"{path}: {detail['msg']}, not {shown}"


def _problems(value: WarehouseInput) -> Iterator[str]:
    """Yields problems between several keys."""
    names: dict[str, int] = {}
    for at, table in enumerate(value.tables):
        if table.is_left_out:
            continue
        first = names.setdefault(table.table_name, at)
        if first != at:
            yield f"$.tables[{at}]: {table.table_name!r} is already $.tables[{first}]; give one of the two another `name`"
        yield from (f"$.tables[{at}].{problem}" for problem in _table_problems(table))


def _table_problems(table: InputTable) -> Iterator[str]:
    if table.files is None:
        if table.schema_ is None:
            yield "files: a table without `files` comes from the lake, and needs its source in `schema`; add one of the two"
        for key in ("format", "columns", "delimiter", "header_lines"):
            if key in table.model_fields_set:
                yield f"{key}: is for files only; remove it, or add `files`"
    elif table.date is not None:
        yield "date: is for tables of the lake only; remove it"
    for name in table.files or ():
        if not name.startswith("s3://") and {"", ".", ".."} & set(name.split("/")):
            yield (
                f"files: {name[:_SHOWN]!r} is not a name beside this JSON; write one such as usage.gz, folder/usage.gz or "
                "s3://bucket/key"
            )
    columns = [column.name.lower() for column in table.columns or ()]
    for name in sorted({name for name in columns if columns.count(name) > 1}):
        yield f"columns: {name!r} is listed twice (Redshift ignores upper and lower case); rename one"
