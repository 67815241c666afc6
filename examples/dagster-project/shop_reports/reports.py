"""Assets behind the lake's views. `shop/orders` has a partition for each snapshot date, and is materialized when it is published."""

from pathlib import Path

import dagster as dg

from rds_lake.defs.resources import Gateways

ORDERS = dg.AssetKey(["shop", "orders"])

# `eager()` looks at the newest partition alone, which is today's. A snapshot is often of yesterday, and a backfill of any date.
OF_EVERY_DATE = dg.AutomationCondition.eager().without(dg.AutomationCondition.in_latest_time_window())

# Whatever was published: what reads the view sees the published date, and needs no other.
WHEN_PUBLISHED = (
    dg.AutomationCondition.any_deps_updated().since_last_handled()
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
)

# Not when the same export is published again: its data version is the same.
WHEN_CHANGED = (
    dg.AutomationCondition.any_deps_match(dg.AutomationCondition.data_version_changed()).since_last_handled()
    & ~dg.AutomationCondition.in_progress()
)


class Notebook(dg.ConfigurableResource):
    """Where reports are written."""

    folder: str

    def write(self, name: str, text: str) -> None:
        path = Path(self.folder, f"{name}.txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")


def report_assets(dates: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The assets; `dates` are the lake's partitions (`partitions_of`)."""

    @dg.asset(
        deps=[ORDERS], partitions_def=dates, group_name="reports", automation_condition=OF_EVERY_DATE, kinds={"athena"}
    )
    def orders_of_the_date(
        context: dg.AssetExecutionContext, gateways: dg.ResourceParam[Gateways], notebook: Notebook
    ) -> None:
        """One partition for one: the raw table has every date, the view has the published one."""
        day = context.partition_key
        counted = f"SELECT count(*) FROM snapshots_orders WHERE snapshot_date = DATE '{day}'"
        notebook.write(f"orders-{day}", str(gateways.athena.run(counted, database="shop").rows[0][0]))

    @dg.asset(
        deps=[dg.AssetDep(ORDERS, partition_mapping=dg.TimeWindowPartitionMapping())],
        partitions_def=dg.WeeklyPartitionsDefinition(start_date=dates.start.date().isoformat(), day_offset=1),
        group_name="reports",
        automation_condition=OF_EVERY_DATE,
    )
    def orders_of_the_week(context: dg.AssetExecutionContext) -> None:
        """Seven dates for one week, from Monday: made when the last of them is there."""
        context.log.info(f"the week from {context.partition_key}")

    @dg.asset(deps=[ORDERS], group_name="reports", automation_condition=WHEN_PUBLISHED, kinds={"athena"})
    def orders_now(gateways: dg.ResourceParam[Gateways], notebook: Notebook) -> None:
        """No partitions: what the view shows now."""
        rows = gateways.athena.run("SELECT count(*), max(snapshot_date) FROM orders", database="shop").rows
        notebook.write("orders-now", " ".join(str(value) for value in rows[0]))

    @dg.asset(deps=[ORDERS], group_name="reports", automation_condition=WHEN_CHANGED)
    def orders_letter() -> None:
        """Costs something each time: only when there is something new."""

    return [orders_of_the_date, orders_of_the_week, orders_now, orders_letter]
