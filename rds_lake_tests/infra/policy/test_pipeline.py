"""What the pipeline's role may do: what this lake.yaml needs, on what it names, and nothing beside."""

from __future__ import annotations

from typing import Any

import pytest

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.policy.names import Names
from rds_lake.infra.policy.pipeline import pipeline_policy
from rds_lake_tests.infra.policy.lakes import (
    ACCOUNT,
    LAKES,
    NAMES,
    PSEUDO,
    SECRET,
    TOPIC,
    aurora,
    dynamodb,
    everything,
    job_lake,
    lake,
    rds,
)

RDS = f"arn:aws:rds:us-east-1:{ACCOUNT}"
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table"


def by_sid(config: LakeConfig, names: Names = NAMES) -> dict[str, dict[str, Any]]:
    return {one["Sid"]: one for one in pipeline_policy(config, names).as_dict()["Statement"]}


def resources(config: LakeConfig, sid: str) -> list[str]:
    return by_sid(config)[sid]["Resource"]


def test_an_automated_snapshot_of_a_database_with_a_longer_name_may_not_be_exported() -> None:
    config = lake(rds(identifier="shop"))
    assert resources(config, "StartExports") == [f"{RDS}:snapshot:rds:shop-????-??-??-??-??"]


@pytest.mark.parametrize(
    ("source", "exported"),
    [
        (rds(snapshots=["backup"]), ["snapshot:awsbackup:*"]),
        (rds(snapshots=["automated", "manual"]), ["snapshot:*"]),
        (rds(identifier="Shop"), ["snapshot:rds:shop-????-??-??-??-??"]),
        (aurora(snapshots=["live"]), ["cluster:ledger-prod"]),
        (aurora(snapshots=["automated"]), ["cluster-snapshot:rds:ledger-prod-????-??-??-??-??"]),
    ],
)
def test_what_may_be_exported_is_as_narrow_as_the_names_of_snapshots_are(
    source: dict[str, Any], exported: list[str]
) -> None:
    assert resources(lake(source), "StartExports") == [f"{RDS}:{name}" for name in exported]


def test_a_lake_without_databases_may_do_nothing_with_rds_or_pass_a_role() -> None:
    text = str(pipeline_policy(LAKES["tables"], NAMES).as_dict())
    assert "rds:" not in text.replace("rds-lake", "")
    assert "iam:" not in text
    assert "kms:" not in text


def test_a_lake_without_dynamodb_may_do_nothing_with_it() -> None:
    assert "dynamodb" not in str(pipeline_policy(lake(rds()), NAMES).as_dict())


def test_a_scanned_table_may_be_read_and_not_exported_and_an_exported_one_not_scanned() -> None:
    config = lake(dynamodb(tables=["Kept"]), dynamodb("logs", tables=["Scanned"], method="scan"))
    assert resources(config, "ScanTables") == [f"{TABLE}/Scanned"]
    assert resources(config, "ExportTables") == [f"{TABLE}/Kept"]
    assert resources(config, "WatchTableExports") == [f"{TABLE}/Kept/export/*"]


def test_patterns_of_tables_become_patterns_of_iam_which_alone_let_the_pipeline_list_tables() -> None:
    config = LAKES["patterns"]
    assert resources(config, "SeeTables") == [f"{TABLE}/{name}" for name in ("Log?", "Old?", "Orders-*")]
    assert resources(config, "FindTables") == ["*"]
    assert "FindTables" not in by_sid(lake(dynamodb()))


def test_only_the_export_service_may_be_passed_the_export_role() -> None:
    statement = by_sid(lake(rds()))["PassTheExportRole"]
    assert statement["Resource"] == [f"arn:aws:iam::{ACCOUNT}:role/rds-lake-export"]
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "export.rds.amazonaws.com"}}


@pytest.mark.parametrize(
    ("key", "resource", "condition"),
    [
        ("alias/x", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/*", {"kms:ResourceAliases": "alias/x"}),
        ("0a1b", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0a1b", None),
        (f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0a1b", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0a1b", None),
        ("arn:aws:kms:us-east-1:999999999999:alias/x", "arn:aws:kms:us-east-1:999999999999:key/*", {"kms:ResourceAliases": "alias/x"}),
    ],
)  # fmt: skip
def test_the_key_is_the_one_of_lake_yaml_however_it_is_named(
    key: str, resource: str, condition: dict[str, str] | None
) -> None:
    config = lake(rds(), kms_key=key)
    for sid in ("LetExportsUseTheKey", "DescribeTheKey", "UseTheKeyThroughServices"):
        statement = by_sid(config)[sid]
        assert statement["Resource"] == [resource]
        assert statement.get("Condition", {}).get("ForAnyValue:StringEquals") == condition


def test_a_grant_is_for_services_of_aws_only_and_data_goes_through_the_services_that_store_it() -> None:
    statements = by_sid(lake(rds(), dynamodb(), **TOPIC))
    assert statements["LetExportsUseTheKey"]["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}
    via = statements["UseTheKeyThroughServices"]["Condition"]["StringLike"]["kms:ViaService"]
    assert [service.partition(".")[0] for service in via] == ["s3", "dynamodb", "sns"]


def test_only_keys_below_the_lakes_prefixes_are_listed_and_whether_an_object_is_there_is_reported() -> None:
    condition = by_sid(lake(rds(), prefix="a", export_prefix="b"))["ListTheLake"]["Condition"]
    assert condition == {"StringLikeIfExists": {"s3:prefix": ["a/*", "b/*"]}}


def test_a_lake_and_its_exports_in_two_buckets_are_listed_each_below_its_own_prefix() -> None:
    statements = by_sid(lake(rds(), export_bucket="acme-exports"))
    listed = {statements[sid]["Resource"][0]: statements[sid]["Condition"] for sid in ("ListTheLake", "ListTheExports")}
    assert listed == {
        "arn:aws:s3:::acme-lake": {"StringLikeIfExists": {"s3:prefix": ["lake/*"]}},
        "arn:aws:s3:::acme-exports": {"StringLikeIfExists": {"s3:prefix": ["exports/*"]}},
    }


def test_a_lake_without_a_prefix_has_the_whole_bucket() -> None:
    statements = by_sid(lake(rds(), prefix=""))
    assert "Condition" not in statements["ListTheLake"]
    assert statements["ReadAndWriteTheLake"]["Resource"] == ["arn:aws:s3:::acme-lake/*"]


@pytest.mark.parametrize(
    ("keys", "removed"),
    [
        ({}, True),
        ({"keep_export": True}, False),
        ({"keep_export": True, "retention": {"daily": 7}}, True),
        ({"keep_export": True, "replace": True}, True),
        ({"parquet": "in_place"}, False),
        ({"parquet": "in_place", "retention": {"daily": 7}}, True),
    ],
)
def test_exports_may_be_deleted_only_where_lake_yaml_has_them_deleted(keys: dict[str, Any], removed: bool) -> None:
    assert ("RemoveExports" in by_sid(lake(rds(**keys)))) is removed


def test_glue_and_athena_are_for_sources_with_tables_there_and_their_databases_alone() -> None:
    assert not any("lue" in sid or "Athena" in sid or "Catalogue" in sid for sid in by_sid(LAKES["no Athena"]))
    found = resources(lake(rds(), rds("raw", athena=False)), "KeepTheCatalogue")
    assert [arn.rpartition(f"{ACCOUNT}:")[2] for arn in found] == ["catalog", "database/shop", "table/shop/*"]


def test_a_secret_a_topic_and_a_job_are_exactly_those_that_lake_yaml_names() -> None:
    assert resources(everything(), "ReadSecrets") == [SECRET]
    assert resources(everything(), "Notify") == [TOPIC["notifications"]]
    assert resources(job_lake(), "RunTheGlueJob") == [f"arn:aws:glue:us-east-1:{ACCOUNT}:job/rds-lake-convert"]
    assert not {"ReadSecrets", "Notify", "RunTheGlueJob"} & by_sid(lake(rds(), dynamodb())).keys()


def test_a_template_may_put_its_own_key_role_and_topic_in_the_place_of_those_of_lake_yaml() -> None:
    names = Names(
        partition="${AWS::Partition}",
        region="${AWS::Region}",
        account="${AWS::AccountId}",
        key_arn="${Key.Arn}",
        export_role_arn="${ExportRole.Arn}",
        topic_arn="${Topic}",
    )
    found = by_sid(lake(rds(), **TOPIC), names)
    assert found["PassTheExportRole"]["Resource"] == ["${ExportRole.Arn}"]
    assert found["Notify"]["Resource"] == ["${Topic}"]
    assert found["DescribeTheKey"]["Resource"] == ["${Key.Arn}"]
    assert "Condition" not in found["DescribeTheKey"]
    assert ACCOUNT not in str(found)


@pytest.mark.parametrize("config", LAKES.values(), ids=list(LAKES))
def test_a_template_and_the_command_allow_the_same(config: LakeConfig) -> None:
    filled = str(pipeline_policy(config, PSEUDO).as_dict())
    for parameter, value in {"Partition": "aws", "Region": "us-east-1", "AccountId": ACCOUNT}.items():
        filled = filled.replace(f"${{AWS::{parameter}}}", value)
    assert filled == str(pipeline_policy(config, NAMES).as_dict())
