"""An asset of the project's own, behind a view of the lake."""

import dagster as dg


@dg.asset(
    deps=[dg.AssetKey(["shop", "orders"])],
    automation_condition=dg.AutomationCondition.any_deps_updated().since_last_handled()
    & ~dg.AutomationCondition.in_progress(),
)
def report(context: dg.AssetExecutionContext) -> None:
    """Made whenever a date is published."""
    context.log.info("orders were published")
