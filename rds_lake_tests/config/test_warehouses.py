"""`warehouses:` of lake.yaml: every problem is named at once, with what to do."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from rds_lake.config.lake_yaml import parse_config
from rds_lake.config.warehouses.nodes import NODE_TYPES, node_problem
from rds_lake.errors import ConfigError

LAKE: dict[str, Any] = {
    "bucket": "acme-lake",
    "export_role": "arn:aws:iam::111122223333:role/rds-lake-export",
    "kms_key": "alias/rds-lake",
    "events_queue": "rds-lake-events",
    "start_date": "2026-01-01",
    "region": "eu-west-1",
}
ROLE = "arn:aws:iam::111122223333:role/redshift"
FILES: dict[str, Any] = {
    "files": ["s3://acme-drop/usage/"],
    "name": "usage",
    "format": "text",
    "columns": [{"name": "id", "type": "bigint"}],
}
RESULT: dict[str, Any] = {"name": "offers", "table": "usage", "to": "s3://acme-out/{{run}}/"}
WAREHOUSE: dict[str, Any] = {
    "name": "mart",
    "loads": [{"table": "shop.orders"}, FILES],
    "unload": [RESULT],
    "input": "s3://acme-drop/jobs/",
}


def problems(*warehouses: Any, lake: dict[str, Any] | None = None) -> list[str]:
    sources = [
        {"name": "shop", "kind": "rds", "identifier": "shop-prod"},
        {"name": "plain", "kind": "rds", "identifier": "plain-prod", "athena": False},
    ]
    body = {"lake": LAKE | (lake or {}), "sources": sources, "warehouses": list(warehouses)}
    try:
        parse_config(yaml.safe_dump(body), where="lake.yaml")
    except ConfigError as error:
        return list(error.problems)
    return []


def test_a_warehouse_needs_little() -> None:
    assert problems({"name": "mart"}) == []
    assert problems(WAREHOUSE) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "shop"}, "warehouse shop: 2 sources and warehouses have that name"),
        ({"mode": "existing", "role": ROLE}, "existing: is required for `mode: existing`"),
        ({"mode": "existing", "existing": {}, "role": ROLE}, "needs either `workgroup:` or `cluster:`"),
        ({"mode": "existing", "existing": {"workgroup": "wg1", "cluster": "c1"}, "role": ROLE}, "needs either"),
        ({"mode": "existing", "existing": {"workgroup": "wg1"}}, "role: `mode: existing` needs the ARN"),
        ({"mode": "existing", "existing": {"workgroup": "wg1"}, "role": ROLE, "keep": True}, "keep: is not for `mode: ex"),
        ({"cluster": {"nodes": 2}}, "cluster: is only for `mode: cluster`, not for serverless"),
        ({"serverless": {"base_capacity": 12}}, "serverless.base_capacity 12: RPUs are 4, or a multiple of 8; write 16"),
        ({"serverless": {"base_capacity": 64}}, "serverless.max_capacity 32 is less than base_capacity 64"),
        ({"mode": "cluster", "budget_usd": 3}, "budget_usd: needs cluster.usd_per_node_hour"),
        ({"mode": "cluster", "cluster": {"node_type": "ra3.xl"}}, "'ra3.xl' is not a node type that rds-lake knows"),
        ({"keep": "long"}, "warehouse mart: keep: must be a number, not 'long'"),
        ({"loads": [{"table": "shap.orders"}]}, "loads.0.table: no source is named 'shap'; lake.yaml has shop, plain"),
        ({"loads": [{"table": "plain.orders"}]}, "'plain' has no tables in Athena (`athena: false`)"),
        ({"loads": [{"table": "shop.a", "date": "soon"}]}, "loads.0.date: 'soon' is neither `published` nor a date"),
        ({"loads": [{"table": "shop.usage"}, FILES]}, "2 loads and results are named 'usage'"),
        ({"loads": [FILES | {"format": "json", "delimiter": "|"}]}, "loads.0: delimiter: does not apply to json"),
        ({"loads": [FILES | {"columns": [{"name": "a", "type": "blob"}]}]}, "columns.0.type: 'blob' is not a type"),
        ({"loads": [FILES | {"columns": [{"name": "a", "type": "int"}, {"name": "A", "type": "int"}]}]}, "'a' is listed 2"),
        ({"loads": [FILES | {"files": ["acme/usage"]}]}, "loads.0.files.0: 'acme/usage' is not an S3 URI"),
        ({"unload": [RESULT | {"single_file": True, "partition_by": ["a"]}]}, "unload.0: single_file: a partitioned"),
        ({"unload": [RESULT | {"format": "parquet", "header": True}]}, "unload.0: header: does not apply to parq"),
        ({"unload": [RESULT | {"format": "parquet", "gzip": True}]}, "unload.0: gzip: Parquet is compressed already"),
        ({"unload": [RESULT | {"format": "json", "delimiter": ";"}]}, "unload.0: delimiter: does not apply to json"),
        ({"unload": [RESULT | {"query": "SELECT 1"}]}, "unload.0: needs either `query:` or `table:`"),
        ({"unload": [RESULT | {"most_gb": 1}]}, "unload.0: most_gb: is for `single_file: true` only"),
        ({"unload": [RESULT | {"to": "s3://acme-out/{{rum}}/"}]}, "unload.0: to: {{rum}} is not known; write one of {{run}}"),
        ({"unload": [RESULT | {"to": "s3://acme-out/x"}]}, "unload.0.to: 's3://acme-out/x' must end with `/`"),
        ({"unload": [RESULT | {"to": "s3://acme-lake/lake/x/"}]}, "s3://acme-lake/lake/ must not contain each other"),
        ({"unload": [RESULT | {"to": "s3://acme-drop/jobs/x/"}]}, "is inside `input`, where results would be read"),
        ({"input": "s3://acme-lake/exports/"}, "input s3://acme-lake/exports/ and the lake's folder s3://acme-lake/exports/"),
        ({"lodas": []}, "warehouse mart: lodas: unknown key; did you mean `loads`?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_sentence(changes: dict[str, Any], said: str) -> None:
    found = problems(WAREHOUSE | changes)
    assert len(found) == 1, found
    assert said in found[0]


def test_all_problems_of_all_warehouses_come_at_once() -> None:
    found = problems(
        WAREHOUSE | {"keep": "long", "unload": [RESULT | {"most_gb": 1}]}, 7, WAREHOUSE | {"mode": "new", "input": None}
    )
    assert [problem.partition(": ")[2].partition(":")[0] for problem in found] == [
        "warehouse mart",
        "warehouse mart",
        "warehouse number 2",
        "warehouse mart",
        "warehouse mart",
    ]
    words = ("keep", "most_gb", "mapping", "2 sources and warehouses have that name", "mode")
    assert [word in problem for word, problem in zip(words, found, strict=True)] == [True] * 5


def test_the_folder_of_one_input_is_not_in_that_of_another() -> None:
    (found,) = problems(WAREHOUSE, WAREHOUSE | {"name": "other", "input": "s3://acme-drop/jobs/other/"})
    assert "its `input` is inside that of 'mart'" in found


def test_a_region_without_the_nodes_is_named() -> None:
    cluster = {"name": "mart", "mode": "cluster", "cluster": {"node_type": "rg.large"}}
    (found,) = problems(cluster, lake={"region": "il-central-1"})
    assert "AWS has no rg nodes in il-central-1; choose a node type of ra3" in found


def test_the_table_of_node_types_is_that_of_cfn_lint() -> None:
    # Not imported: that takes 1.7 s, for each worker that only collects this file.
    spec = importlib.util.find_spec("cfnlint")
    assert spec is not None and spec.origin is not None
    data = Path(spec.origin).parent / "data/schemas/extensions/aws_redshift_cluster/nodetype_enum.json"
    regions = {name: body["enum"] for name, body in json.loads(data.read_text("utf-8")).items() if "enum" in body}
    assert len(regions) > 30
    for region, there in regions.items():
        assert {name for name in NODE_TYPES if node_problem(name, region) is None} == set(there), region
