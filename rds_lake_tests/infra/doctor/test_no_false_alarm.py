"""What is unusual and works is not shown."""

from __future__ import annotations

from typing import Any

import pytest

from rds_lake.config.lake_yaml import LakeConfig, parse_config
from rds_lake.infra.doctor.findings import Verdict
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.infra.doctor.accounts import Account, databases, tables
from rds_lake_tests.infra.doctor.conftest import clients_of, deployed
from rds_lake_tests.infra.existing.conftest import Site
from rds_lake_tests.infra.template.lakes import LAKES
from rds_lake_tests.localcloud.permissions.calling import ACCOUNT
from rds_lake_tests.support.in_process import short_cut


def test_a_lake_of_dynamodb_alone_without_a_key_or_a_topic(doctor_cloud: LocalCloud) -> None:
    assert deployed(doctor_cloud, "dynamodb").flagged() == {}


@pytest.mark.exhaustive
def test_a_bucket_that_s3_encrypts_itself_beside_a_key(doctor_cloud: LocalCloud) -> None:
    account = deployed(doctor_cloud, "rds")
    s3 = account.root("s3")
    default = {"SSEAlgorithm": "AES256"}
    wanted = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    s3.put_bucket_encryption(Bucket="acme-lake", ServerSideEncryptionConfiguration=wanted)
    assert account.flagged() == {}


@pytest.mark.exhaustive
def test_sources_that_stop_after_the_parquet_need_neither_workgroup_nor_databases(doctor_cloud: LocalCloud) -> None:
    text = (
        LAKES["rds"]
        .replace("111122223333", ACCOUNT)
        .replace("identifier: shop-prod}", "identifier: shop-prod, athena: false}")
    )
    account = made(doctor_cloud, parse_config(text, where="test"))
    findings = account.findings()
    assert {key: one.seen for key, one in findings.items() if one.flagged} == {}
    assert not {"workgroup", "catalogue"} & {row.partition(".")[0] for row, _ in findings}


def test_two_lakes_of_one_account(doctor_cloud: LocalCloud) -> None:
    first = deployed(doctor_cloud, "aurora")
    text = LAKES["rds"].replace("111122223333", ACCOUNT)
    for name in ("acme-lake", "acme-events", "acme-export", "alias/acme", "workgroup: acme"):
        text = text.replace(name, name.replace("acme", "other"))
    second = made(doctor_cloud, parse_config(text.replace("name: shop", "name: stock"), where="test"), empty=False)
    assert first.flagged() == {}
    assert second.flagged() == {}


def made(cloud: LocalCloud, config: LakeConfig, *, empty: bool = True) -> Account:
    """A lake of an own lake.yaml."""
    if empty:
        cloud.reset()
    clients = clients_of(cloud)
    with short_cut():
        databases(cloud, config)
        tables(cloud, config)
        Site(cloud=cloud, clients=clients).setup(config, "PipelineRunsOn=account")
    return Account(cloud=cloud, clients=clients, config=config)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["capture by lambda"])
def test_a_source_whose_triggers_call_a_function(doctor_cloud: LocalCloud, name: str) -> None:
    from rds_lake.console.streams.package import function_zip
    from rds_lake_tests.infra.template.lakes import PARAMETERS

    doctor_cloud.reset()
    clients = clients_of(doctor_cloud)
    site = Site(cloud=doctor_cloud, clients=clients)
    config = site.config(name)
    s3: Any = doctor_cloud.clients.client("s3")
    s3.create_bucket(Bucket="acme-lake")
    s3.put_object(Bucket="acme-lake", Key=PARAMETERS[name]["CaptureCodeKey"], Body=function_zip())
    with short_cut():
        databases(doctor_cloud, config)
        site.setup(config, "PipelineRunsOn=account", f"CaptureCodeKey={PARAMETERS[name]['CaptureCodeKey']}")
    account = Account(cloud=doctor_cloud, clients=clients, config=config)
    flagged = account.flagged()
    assert [key for key, one in flagged.items() if one.verdict is Verdict.FAIL] == []
    assert set(flagged) <= {("topic.subscribed", "acme-alerts")}
