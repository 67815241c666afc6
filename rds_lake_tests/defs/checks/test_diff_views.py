"""`diff_views:` in Dagster: what keeps a view of the differences from being made is a warning, and the date is published."""

import dagster as dg

from rds_lake_tests.defs.shell import Shell


def test_a_view_of_differences_that_cannot_be_made_warns_and_the_date_is_published(shell: Shell) -> None:
    shell.world.with_source(diff_views=("ordrs",))
    shell.reload()
    shell.world.snapshot("2026-11-20")
    result = shell.materialize("2026-11-20")
    assert result.success
    (found,) = [c for c in result.get_asset_check_evaluations() if c.check_name == "diff_views_are_made"]
    assert (found.passed, found.severity, found.blocking) == (False, dg.AssetCheckSeverity.WARN, False)
    assert "ordrs: `diff_views:` names it, and shop 2026-11-20 has no such view or table" in str(
        found.metadata["problems"].value
    )
    assert shell.world.query("SELECT DISTINCT snapshot_date FROM orders") == [("2026-11-20",)]
