"""Rules about several keys of a warehouse, and between it and the lake, other warehouses and sources.

What belongs here: these rules, each a function that yields one sentence per problem. Options of one result are in `results.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rds_lake.config.lake import LakeSettings, Settings
from rds_lake.config.reading import judged
from rds_lake.config.source import SourceSettings
from rds_lake.config.warehouse import LoadOfFiles, LoadOfTable, WarehouseSettings
from rds_lake.config.warehouses.files import file_problems
from rds_lake.config.warehouses.nodes import node_problem
from rds_lake.config.warehouses.results import result_problems


def warehouse_problems_alone(warehouse: WarehouseSettings) -> list[str]:
    """Returns the problems between keys of one warehouse, one sentence each; its invalid keys may be missing."""
    rules = (_modes, _capacity, _existing, _stack, _budget, _names, _files, _results)
    return [problem for rule in rules for problem in judged(rule, warehouse)]


def warehouse_problems(
    lake: LakeSettings | None, sources: Sequence[SourceSettings], warehouses: Sequence[WarehouseSettings]
) -> list[str]:
    """Returns the problems between warehouses, sources and the lake; invalid keys, or all of `lake`, may be missing."""
    problems = [*judged(_own_names, sources, warehouses), *judged(_own_inputs, warehouses)]
    problems += [problem for warehouse in warehouses for problem in judged(_tables, sources, warehouse)]
    if lake is None:
        return problems
    return problems + [
        problem for rule in (_nodes, _places) for warehouse in warehouses for problem in judged(rule, lake, warehouse)
    ]


def _modes(warehouse: WarehouseSettings) -> Iterator[str]:
    for mode, section in (
        ("serverless", warehouse.serverless),
        ("cluster", warehouse.cluster),
        ("existing", warehouse.existing),
    ):
        if section is not None and warehouse.mode != mode:
            yield f"{mode}: is only for `mode: {mode}`, not for {warehouse.mode}; remove it, or set that mode"


def _capacity(warehouse: WarehouseSettings) -> Iterator[str]:
    section = warehouse.serverless
    if section is None:
        return
    for key, rpus in (("base_capacity", section.base_capacity), ("max_capacity", section.max_capacity)):
        if rpus != 4 and rpus % 8:
            yield f"serverless.{key} {rpus}: RPUs are 4, or a multiple of 8; write {max(8, round(rpus / 8) * 8)}"
    if section.max_capacity < section.base_capacity:
        yield (
            f"serverless.max_capacity {section.max_capacity} is less than base_capacity {section.base_capacity}; raise the "
            "first or lower the second"
        )


def _existing(warehouse: WarehouseSettings) -> Iterator[str]:
    if warehouse.mode != "existing":
        return
    target = warehouse.existing
    if target is None:
        yield "existing: is required for `mode: existing`; name the `workgroup:` or `cluster:` in it"
        return
    if (target.workgroup is None) == (target.cluster is None):
        yield "existing: needs either `workgroup:` or `cluster:`; remove or add one"
    if target.db_user is not None and (target.workgroup is not None or target.secret is not None):
        yield "existing.db_user: is for a cluster without `secret` only; remove it"


def _stack(warehouse: WarehouseSettings) -> Iterator[str]:
    """For `mode: existing`: requires `role`, and refuses keys for warehouses that rds-lake creates."""
    if warehouse.mode != "existing":
        return
    if warehouse.role is None:
        yield "role: `mode: existing` needs the ARN of the IAM role that Redshift uses for S3; add it"
    for key in ("keep", "vpc", "subnets", "security_groups"):
        if key in warehouse.model_fields_set:
            yield f"{key}: is not for `mode: existing`, since rds-lake does not create or delete that warehouse; remove the key"


def _budget(warehouse: WarehouseSettings) -> Iterator[str]:
    if warehouse.budget_usd is None:
        return
    if warehouse.mode == "existing":
        yield "budget_usd: rds-lake does not know what an existing warehouse costs; remove it"
    elif warehouse.mode == "cluster" and (warehouse.cluster is None or warehouse.cluster.usd_per_node_hour is None):
        yield "budget_usd: needs cluster.usd_per_node_hour, the price of a node in your Region; add it"


def _names(warehouse: WarehouseSettings) -> Iterator[str]:
    names = [load.table_name for load in warehouse.loads] + [result.name for result in warehouse.unload]
    for name, count in Counter(names).items():
        if count > 1:
            yield (
                f"{count} loads and results are named {name!r}, but each needs its own asset `{warehouse.name}/{name!r}`; "
                "give one another `name:`"
            )


def _files(warehouse: WarehouseSettings) -> Iterator[str]:
    for at, load in enumerate(warehouse.loads):
        if isinstance(load, LoadOfFiles):
            yield from (f"loads.{at}: {problem}" for problem in file_problems(load))


def _results(warehouse: WarehouseSettings) -> Iterator[str]:
    for at, result in enumerate(warehouse.unload):
        yield from (f"unload.{at}: {problem}" for problem in result_problems(result, warehouse.parameters))


def _own_names(sources: Sequence[SourceSettings], warehouses: Sequence[WarehouseSettings]) -> Iterator[str]:
    names = Counter(item.name for item in (*sources, *warehouses) if _has(item, "name"))
    for name in sorted({item.name for item in warehouses if _has(item, "name")}):
        if names[name] > 1:
            yield (
                f"warehouse {name!r}: {names[name]} sources and warehouses have that name, the prefix of their assets; names "
                "must differ"
            )


def _own_inputs(warehouses: Sequence[WarehouseSettings]) -> Iterator[str]:
    places = [
        (item.name, item.input) for item in warehouses if _has(item, "name") and _has(item, "input") and item.input
    ]
    for name, place in places:
        for other, place_of_other in places:
            if name != other and place_of_other.startswith(place):
                yield (
                    f"warehouse {other!r}: its `input` is inside that of {name!r}, so one file would start both; choose another folder"
                )


def _tables(sources: Sequence[SourceSettings], warehouse: WarehouseSettings) -> Iterator[str]:
    known = {source.name: source for source in sources if _has(source, "name")}
    for at, load in enumerate(warehouse.loads):
        source = load.table.partition(".")[0] if isinstance(load, LoadOfTable) else None
        where = f"warehouse {warehouse.name!r}: loads.{at}.table"
        if source is not None and source not in known:
            yield f"{where}: no source is named {source!r}; lake.yaml has {', '.join(known)}"
        elif source is not None and not known[source].athena:
            yield f"{where}: {source!r} has no tables in Athena (`athena: false`)"


def _nodes(lake: LakeSettings, warehouse: WarehouseSettings) -> Iterator[str]:
    if warehouse.cluster is not None and (problem := node_problem(warehouse.cluster.node_type, lake.region)):
        yield f"warehouse {warehouse.name!r}: cluster.node_type: {problem}"


def _places(lake: LakeSettings, warehouse: WarehouseSettings) -> Iterator[str]:
    """Refuses results and inputs inside the lake's folders, where retention would delete them as leftovers."""
    own = [f"s3://{lake.bucket}/{lake.prefix}/" if lake.prefix else f"s3://{lake.bucket}/"]
    own += [f"s3://{lake.exports_bucket}/{lake.export_prefix}/"]
    named = [(f"unload.{at}.to", result.to) for at, result in enumerate(warehouse.unload)]
    named += [("input", warehouse.input)] if warehouse.input else []
    for key, place in named:
        for folder in own:
            if place.startswith(folder) or folder.startswith(place):
                yield (
                    f"warehouse {warehouse.name!r}: {key} {place} and the lake's folder {folder} must not contain each other; "
                    "choose another"
                )
    for at, result in enumerate(warehouse.unload):
        if warehouse.input and result.to.startswith(warehouse.input):
            yield (
                f"warehouse {warehouse.name!r}: unload.{at}.to {result.to} is inside `input`, where results would be read as "
                "requests; choose another folder"
            )


def _has(item: Settings, key: str) -> bool:
    return key in item.__dict__
