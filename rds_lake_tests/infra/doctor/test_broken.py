"""Of an account with one fault the doctor shows that, and nothing that does not stand on it."""

from __future__ import annotations

import pytest

from rds_lake.infra.doctor.findings import Finding, Key
from rds_lake_tests.infra.doctor.accounts import Account
from rds_lake_tests.infra.doctor.faults import FAULTS, FIXABLE, Fault


def stands_on(found: dict[Key, Finding], key: Key, on: Key) -> bool:
    """Whether one finding stands on another, at some distance."""
    return key == on or any(stands_on(found, before, on) for before in found[key].depends_on)


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.said for fault in FAULTS])
def test_a_fault_is_shown_by_its_row_and_nothing_else(healthy: Account, fault: Fault) -> None:
    with fault.does(healthy):
        found = healthy.findings()
    flagged = [key for key, one in found.items() if one.flagged]
    assert fault.shown in flagged
    assert found[fault.shown].verdict is fault.verdict
    assert found[fault.shown].remedy
    assert [key for key in flagged if not stands_on(found, key, fault.shown)] == []


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "fault", [fault for fault in FAULTS if fault.shown[0] in FIXABLE], ids=lambda fault: fault.said
)
def test_what_can_be_mended_is_mended_by_the_fix_that_the_row_has(healthy: Account, fault: Fault) -> None:
    with fault.does(healthy):
        fix = healthy.findings()[fault.shown].fix
        assert fix is not None
        fix.apply(healthy.root)
        assert healthy.flagged() == {}


def test_a_database_whose_own_settings_put_new_tables_under_lake_formation_is_named(healthy: Account) -> None:
    """The account's settings say nothing of it."""
    glue, name = healthy.root("glue"), next(source.name for source in healthy.config.sources if source.athena)
    before = glue.get_database(Name=name)["Database"]
    glue.update_database(Name=name, DatabaseInput={"Name": name, "CreateTableDefaultPermissions": []})
    try:
        ((key, found),) = healthy.flagged().items()
    finally:
        kept = {key: before[key] for key in ("Name", "Description", "LocationUri", "Parameters") if key in before}
        glue.update_database(Name=name, DatabaseInput=kept)
    assert key == ("catalogue.lake-formation", "")
    assert f"new tables of {name} are governed" in str(found)
    assert healthy.flagged() == {}


def test_there_are_twenty_five_faults_and_each_leaves_the_account_as_it_was(healthy: Account) -> None:
    assert len(FAULTS) >= 25
    assert len({fault.shown for fault in FAULTS}) == len(FAULTS)
    assert healthy.flagged() == {}
