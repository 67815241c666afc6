"""What readers, the export role and the Glue job's role may do, and whom the roles trust."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from rds_lake.infra.policy.document import PolicyDocument
from rds_lake.infra.policy.readers import reader_policy
from rds_lake.infra.policy.service_roles import (
    export_role_policy,
    export_role_trust,
    job_role_policy,
    job_role_trust,
)
from rds_lake_tests.infra.policy.lakes import LAKES, NAMES, everything, job_lake, lake, rds


def allowed(document: PolicyDocument, action: str, arn: str) -> bool:
    """Whether some statement has the action on the ARN; conditions are not looked at."""
    statements: list[dict[str, Any]] = document.as_dict()["Statement"]
    return any(
        action in one["Action"] and any(fnmatchcase(arn, pattern) for pattern in one["Resource"]) for one in statements
    )


def test_readers_read_the_lake_and_write_nothing_but_results_of_queries() -> None:
    policy = reader_policy(lake(rds()), NAMES)
    data, result = "arn:aws:s3:::acme-lake/lake/shop/x.parquet", "arn:aws:s3:::acme-lake/lake/_athena/q.csv"
    assert allowed(policy, "s3:GetObject", data)
    assert allowed(policy, "s3:GetObject", result)
    assert allowed(policy, "s3:PutObject", result)
    assert not allowed(policy, "s3:PutObject", data)
    changes = ("Delete", "Create", "Update", "PutBucket", "BatchCreate")
    actions = [action for one in policy.statements for action in one.actions]
    assert [action for action in actions if action.split(":")[1].startswith(changes)] == []


def test_readers_see_aws_copies_only_where_partitions_are_in_them() -> None:
    copy = "arn:aws:s3:::acme-exports/exports/t/1/p.parquet"
    assert not allowed(reader_policy(lake(rds(), export_bucket="acme-exports"), NAMES), "s3:GetObject", copy)
    in_place = lake(rds(parquet="in_place"), export_bucket="acme-exports")
    assert allowed(reader_policy(in_place, NAMES), "s3:GetObject", copy)


def test_readers_need_nothing_where_no_source_has_tables_in_athena() -> None:
    assert reader_policy(LAKES["no Athena"], NAMES).statements == ()


def test_the_export_role_writes_exports_and_cannot_touch_the_lake() -> None:
    policy = export_role_policy(everything(), NAMES)
    assert allowed(policy, "s3:PutObject", "arn:aws:s3:::acme-exports/exports/task/t/1/p.parquet")
    assert not allowed(policy, "s3:GetObject", "arn:aws:s3:::acme-lake/lake/shop/x.parquet")
    assert export_role_policy(LAKES["tables"], NAMES).statements == ()


def test_the_glue_job_changes_the_lake_and_only_reads_exports() -> None:
    policy = job_role_policy(job_lake(), NAMES)
    written, exported = "arn:aws:s3:::acme-lake/lake/reviews/x", "arn:aws:s3:::acme-lake/exports/x"
    assert allowed(policy, "s3:PutObject", written)
    assert allowed(policy, "s3:GetObject", exported)
    assert not allowed(policy, "s3:PutObject", exported)
    assert not allowed(policy, "s3:DeleteObject", exported)
    assert job_role_policy(lake(rds()), NAMES).statements == ()


def test_each_role_trusts_one_service() -> None:
    trusted = [trust["Statement"][0]["Principal"] for trust in (export_role_trust(), job_role_trust())]
    assert trusted == [{"Service": "export.rds.amazonaws.com"}, {"Service": "glue.amazonaws.com"}]
