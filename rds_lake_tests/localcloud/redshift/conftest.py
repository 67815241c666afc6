"""A local cloud without databases of RDS, and one Redshift cluster in it."""

from collections.abc import Iterator
from typing import Any

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.redshift.settings import RedshiftSettings
from rds_lake_tests.localcloud.redshift.warehouse import Warehouse


@pytest.fixture(scope="module")
def warehouse_cloud() -> Iterator[LocalCloud]:
    with LocalCloud({}, redshift=RedshiftSettings(page_rows=3, active_sessions=2)) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def warehouse_clients() -> dict[str, Any]:
    return {}


@pytest.fixture
def warehouse(warehouse_cloud: LocalCloud, warehouse_clients: dict[str, Any]) -> Warehouse:
    """A cluster `nightly` with an empty database `dev`."""
    warehouse = Warehouse(cloud=warehouse_cloud, clients=warehouse_clients)
    warehouse.prepare()
    return warehouse
