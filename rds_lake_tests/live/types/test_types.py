"""docs/types.md, with AWS's own Parquet.

    RDS_LAKE_LIVE_PROFILE=sandbox RDS_LAKE_LIVE_REGION=eu-west-1 pytest -m aws rds_lake_tests/live/types

A cluster and a lake for each engine: what they cost, and what removes them, is in docs/live-suite.md. `make test-exhaustive` has
the same tests against the local cloud, which writes Parquet by AWS's documentation: there they show that they work, nothing of AWS.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pyarrow.parquet as pq
import pytest

from rds_lake.defs.resources import Gateways
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake.stages.watch.sources import run_of
from rds_lake_tests.live.lake.made import LiveLake, is_anything_left, live_lake
from rds_lake_tests.live.lake.place import Place, aws_place, local_place
from rds_lake_tests.live.place import ENGINES
from rds_lake_tests.live.types.tables import cases_of, content_of
from rds_lake_tests.stages.types.cases import Case, PublishedTypes, differences, look
from rds_lake_tests.support.world import execute_mysql

pytestmark = pytest.mark.timeout(4 * 3600)  # of which the export takes most


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """The published table of all types, and its file as AWS wrote it."""

    engine: str
    cases: list[Case]
    found: PublishedTypes
    file: bytes

    def values(self, kind: str) -> dict[str, Any]:
        """Of a type: what the file has for each literal."""
        number = next(number for number, case in enumerate(self.cases) if case.kind == kind)
        rows = pq.read_table(io.BytesIO(self.file), columns=["n", f"c{number}"]).sort_by("n").column(1).to_pylist()
        return {value.literal: read for value, read in zip(self.cases[number].values, rows, strict=False)}


@pytest.fixture(
    scope="module",
    params=[
        *(pytest.param(("local", engine), id=f"local-{engine}", marks=pytest.mark.exhaustive) for engine in ENGINES),
        *(pytest.param(("aws", engine), id=f"aws-{engine}", marks=pytest.mark.aws) for engine in ENGINES),
    ],
)
def typed(request: pytest.FixtureRequest) -> Iterator[Typed]:
    where, engine = request.param
    cases = cases_of(engine, on_account=where == "aws")
    content = content_of(engine, cases)
    name = f"rds-lake-live-{uuid4().hex[:8]}"
    if where == "aws":
        with aws_place(name, content) as account:
            yield from _published(account, name, engine, cases)
        return
    server = request.getfixturevalue("postgres" if engine == "postgres" else "mariadb")
    url: str = server.create_database(content.name)
    settings = ExportSettings(starting_seconds=0.0, progress_seconds=0.0)
    with LocalCloud({}, clusters={"shop-aurora": url}, exports=settings) as cloud:
        yield from _published(local_place(cloud, url, content), name, engine, cases)
    if engine == "mysql":
        execute_mysql(url, f"DROP DATABASE {content.name}")


def _published(place: Place, name: str, engine: str, cases: list[Case]) -> Iterator[Typed]:
    made: LiveLake | None = None
    try:
        with live_lake(place, name) as made:
            place.make_database()
            day = place.snapshot()
            made.materialize(day)
            at, source = made.gateways(), made.config.sources[0]
            run: Any = run_of(made.config, source, rds=at.rds, dynamodb=at.dynamodb, lake=at.lake, log=print)
            quality = run.shared.catalogue(day).quality
            bucket, below = made.config.lake.bucket, f"{made.config.lake.prefix}/{source.name}/"
            key = next(one.key for one in at.s3.list_objects(bucket, below) if ".types/" in one.key)
            file = at.clients().s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            # As the account's owner: the pipeline may not read information_schema.
            owner = Gateways(settings=made.config.lake, clients=lambda: place.clients).lake
            found = look(lambda sql: owner.athena.run(sql, database=source.name).rows, file, quality, cases)
            yield Typed(engine=engine, cases=cases, found=found, file=file)
    finally:
        place.remove_database()
    assert is_anything_left(made) == []


def test_every_type_arrives_as_the_page_of_types_says(typed: Typed) -> None:
    """Parquet type, type in the view, each boundary value, how many values are counted as lost."""
    told = {case.kind: differences(typed.found, number, case) for number, case in enumerate(typed.cases)}
    assert {kind: problems for kind, problems in told.items() if problems} == {}


def test_zero_dates_of_mysql_arrive_as_text_and_zero_times_as_null(
    typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    """AWS documents no encoding of a zero DATETIME; what the file has is printed, and Spark's mark for its calendar."""
    if typed.engine != "mysql":
        pytest.skip("MySQL's")
    moments = {kind: typed.values(kind) for kind in ("date", "datetime", "timestamp")}
    marks = pq.read_metadata(io.BytesIO(typed.file)).metadata or {}
    with capsys.disabled():
        print(f"\n{moments}\nmarks of the file: {[key.decode() for key in marks if key != b'ARROW:schema']}")
    days = ("'0000-00-00'", "'2026-02-00'", "'2026-00-00'", "'0000-02-28'")
    assert [moments["date"][day] for day in days] == [day.strip("'") for day in days]
    assert moments["datetime"]["'0000-00-00 00:00:00'"] is None
    assert moments["datetime"]["'2026-02-00 00:00:00'"] is None
    assert moments["timestamp"]["'0000-00-00 00:00:00'"] is None
