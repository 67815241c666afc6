"""One lab for all rounds of a file."""

from collections.abc import Iterator

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.turnstile.warehouse.lab import WarehouseLab


@pytest.fixture(scope="module")
def warehouse_lab() -> Iterator[WarehouseLab]:
    with LocalCloud({}) as cloud:
        yield WarehouseLab.of(cloud)
