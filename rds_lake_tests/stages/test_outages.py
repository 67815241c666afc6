"""An outage in the middle of a stage ends it as an outage, which heals by itself, and not as a person's error."""

from datetime import date

import pytest

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.glue import GlueGateway
from rds_lake.errors import (
    AwsError,
    CatalogError,
    QueryError,
    RdsLakeError,
    ThrottledError,
    UnavailableError,
    all_together,
)
from rds_lake.stages.catalogue.naming import name_tables
from rds_lake.stages.catalogue.sync import sync_catalog
from rds_lake.stages.runs.healing import heals
from rds_lake_tests.aws.conftest import SESSION
from rds_lake_tests.support.faults import Faults
from rds_lake_tests.support.world import World

DAY = date(2026, 11, 20)
REFUSED = AwsError(service="glue", operation="CreateTable", code="AccessDenied", message="no")


@pytest.mark.parametrize(("code", "status"), [("InternalServiceException", 500), ("AccessDeniedException", 400)])
def test_glue_that_is_away_for_every_table_ends_the_catalogue_as_an_outage(
    world: World, code: str, status: int
) -> None:
    world.snapshot(str(DAY))
    run = world.run()
    run.accept(DAY, poll_seconds=0.05)
    manifest = run.relocate(DAY)
    clients = AwsClients(SESSION, region="us-east-1", endpoint_url=world.cloud.url, attempts=1)
    Faults(clients.glue).answer("CreateTable", code, status=status)
    glue, tables = GlueGateway(clients.glue), name_tables(manifest, run.shared.source)
    with pytest.raises(UnavailableError if status == 500 else CatalogError) as ended:
        sync_catalog(glue, manifest=manifest, tables=tables, log=print)
    assert all(str(table.names.target) in str(ended.value) for table in tables), "every table is named"
    assert heals(ended.value) is (status == 500)


@pytest.mark.parametrize(
    ("causes", "away"),
    [
        ([UnavailableError("a"), ThrottledError("b")], True),
        ([UnavailableError("a"), QueryError("b", query_id="1", retryable=True)], True),
        ([UnavailableError("a"), QueryError("b", query_id="1")], False),
        ([UnavailableError("a"), REFUSED], False),
        ([], False),
    ],
)
def test_of_several_errors_one_that_is_no_outage_is_a_persons(causes: list[RdsLakeError], away: bool) -> None:
    assert heals(all_together(CatalogError("several", []), causes)) is away
