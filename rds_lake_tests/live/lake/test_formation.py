"""Lake Formation, where it governs the tables of a source: what the pipeline's role sees without its grants, and which it needs.

    RDS_LAKE_LIVE_PROFILE=sandbox RDS_LAKE_LIVE_REGION=eu-west-1 pytest -s -m aws rds_lake_tests/live/lake/test_formation.py

Only new tables of the test's own Glue database are governed: no setting of the account is touched. The profile's principal owns
that database; it need not be an administrator of Lake Formation. The local cloud never checks these rights, so there the tests show
that they work, the doctor's row, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from rds_lake.aws.account.answers import Answers
from rds_lake.aws.denied import advice_of
from rds_lake.errors import RdsLakeError
from rds_lake.infra.doctor.findings import Verdict
from rds_lake.infra.doctor.patient import Patient
from rds_lake.infra.doctor.subjects.catalogue import GOVERNED, examinations
from rds_lake_tests.live.lake.content import ORDERS
from rds_lake_tests.live.lake.made import LiveLake, live_lake
from rds_lake_tests.live.lake.place import PLACES, Place, chosen_place, until

pytestmark = pytest.mark.timeout(3600)

# What publishing a date does with tables and views: reads, creates, changes and drops them.
_OF_TABLE = ["DESCRIBE", "SELECT", "ALTER", "DROP"]
_OF_DATABASE = ["DESCRIBE", "CREATE_TABLE"]


@pytest.fixture(scope="module", params=PLACES)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    with chosen_place(request, ORDERS) as chosen:
        yield chosen


@pytest.fixture(scope="module")
def lake(place: Place) -> Iterator[LiveLake]:
    """A lake whose database puts its new tables under Lake Formation, and holds one, of the profile's principal."""
    with live_lake(place, f"rds-lake-live-{uuid4().hex[:8]}") as made:
        glue, name = place.clients.glue, made.config.sources[0].name
        glue.update_database(Name=name, DatabaseInput={"Name": name, "CreateTableDefaultPermissions": []})
        glue.create_table(DatabaseName=name, TableInput=table(made, "theirs"))
        yield made


def table(lake: LiveLake, name: str) -> Any:
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "StorageDescriptor": {
            "Columns": [{"Name": "id", "Type": "bigint"}],
            "Location": f"s3://{lake.config.lake.bucket}/lake/{lake.config.sources[0].name}/{name}/",
            "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
            "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
        },
    }


def test_the_doctor_says_that_lake_formation_governs_new_tables_of_the_database(lake: LiveLake) -> None:
    answers = Answers(lambda: lake.place.clients)
    patient = Patient(config=lake.config, answers=answers, now=lambda: datetime.now(UTC), role=lake.pipeline_role)
    (looked,) = (one.look(patient) for one in examinations(lake.config) if one.row is GOVERNED)
    print(looked)
    name = lake.config.sources[0].name
    assert looked.verdict is Verdict.WARN, (
        "`_governed` of infra/doctor/subjects/catalogue.py reads CreateTableDefaultPermissions"
    )
    assert name in str(looked), "of the database, which Glue tells whoever may GetDatabase"


def test_without_a_grant_the_refusal_is_reported_as_lake_formations_own(lake: LiveLake) -> None:
    """And whether a list is refused or leaves the table out, which would look as if it were gone: `-s` prints it."""
    at, name = lake.gateways(), lake.config.sources[0].name
    glue = at.clients().glue
    try:
        listed: Any = [found["Name"] for found in glue.get_tables(DatabaseName=name)["TableList"]]
    except ClientError as error:
        listed = error
    print(f"GetTables without a grant: {listed}")
    asked = partial(glue.get_table, DatabaseName=name, Name="theirs")
    if lake.place.endpoint is not None:
        assert asked()["Table"]["Name"] == "theirs"
        return
    with pytest.raises(ClientError) as refused:
        asked()
    print(refused.value)
    rests = "_FORMATION of aws/denied.py knows these words; else a policy of IAM is advised, which does not help"
    assert "in Lake Formation" in advice_of(refused.value, "glue", "GetTable", name), rests
    with pytest.raises(RdsLakeError) as unreadable:
        at.lake.athena.run("SELECT count(*) FROM theirs", database=name)
    print(unreadable.value)


def test_with_its_grants_the_pipelines_role_reads_changes_and_creates_tables(lake: LiveLake) -> None:
    """Those that docs/security.md names."""
    formation, name = lake.place.clients.client("lakeformation"), lake.config.sources[0].name
    role, glue = {"DataLakePrincipalIdentifier": lake.pipeline_role}, lake.gateways().clients().glue
    here: Any = {"DatabaseName": name, "Name": "theirs"}
    formation.grant_permissions(Principal=role, Resource={"Table": here}, Permissions=_OF_TABLE)
    formation.grant_permissions(Principal=role, Resource={"Database": {"Name": name}}, Permissions=_OF_DATABASE)

    def seen() -> Any:
        try:
            return glue.get_table(**here)["Table"]
        except ClientError as error:
            print(error)
            return None

    until(seen, lake.place, minutes=5, what="that a grant counts")
    glue.update_table(DatabaseName=name, TableInput=table(lake, "theirs"), SkipArchive=True)
    glue.create_table(DatabaseName=name, TableInput=table(lake, "own"))
    try:
        glue.update_table(DatabaseName=name, TableInput=table(lake, "own"), SkipArchive=True)
        assert {found["Name"] for found in glue.get_tables(DatabaseName=name)["TableList"]} == {"own", "theirs"}
    finally:
        glue.delete_table(DatabaseName=name, Name="own")
    glue.delete_table(**here)
