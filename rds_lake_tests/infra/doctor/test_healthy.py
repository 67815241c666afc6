"""A healthy account has nothing to show, whatever its lake.yaml asks for."""

from __future__ import annotations

from rds_lake_tests.infra.doctor.accounts import Account


def test_a_healthy_account_has_nothing_to_show(healthy: Account) -> None:
    assert healthy.flagged() == {}
