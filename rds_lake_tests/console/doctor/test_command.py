"""`rds-lake doctor`: what a person and a machine see, what it mends, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result

from rds_lake.cli import main
from rds_lake.console.doctor.as_json import SCHEMA
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.infra.doctor.accounts import Account
from rds_lake_tests.infra.doctor.conftest import deployed, doctor_cloud  # noqa: F401
from rds_lake_tests.infra.template.lakes import LAKES
from rds_lake_tests.localcloud.permissions.calling import ACCOUNT


@pytest.fixture(scope="module")
def account(doctor_cloud: LocalCloud) -> Account:  # noqa: F811
    return deployed(doctor_cloud, "aurora and backup")


@pytest.fixture
def lake_yaml(account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", account.cloud.url)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    path = tmp_path / "lake.yaml"
    path.write_text(LAKES["aurora and backup"].replace("111122223333", ACCOUNT), encoding="utf-8")
    yield path


def run(lake_yaml: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["doctor", "--config", str(lake_yaml), *arguments])


def printed(result: Result) -> dict[str, Any]:
    body = json.loads(result.stdout)
    jsonschema.validate(body, SCHEMA)
    assert body["exit_code"] == result.exit_code
    return body


def test_a_healthy_account_is_a_screen_of_passes_and_exit_code_0(lake_yaml: Path) -> None:
    result = run(lake_yaml)
    assert result.exit_code == 0, result.output
    assert "fail" not in result.stdout
    assert "queue" in result.stdout
    assert "DAGSTER_HOME is not set" in result.stdout


def test_a_broken_one_says_what_is_wrong_and_what_to_do_and_ends_with_2(account: Account, lake_yaml: Path) -> None:
    account.root("events").disable_rule(Name="acme-events")
    try:
        result = run(lake_yaml)
    finally:
        account.root("events").enable_rule(Name="acme-events")
    assert result.exit_code == 2
    text = " ".join(result.stdout.split())
    assert "fail rule.enabled acme-events its state is DISABLED" in text
    assert "--fix does it" in text


def test_as_json_it_is_of_the_documented_form_and_says_what_can_be_fixed(account: Account, lake_yaml: Path) -> None:
    account.root("events").disable_rule(Name="acme-events")
    try:
        body = printed(run(lake_yaml, "--json", "--only", "rule"))
    finally:
        account.root("events").enable_rule(Name="acme-events")
    assert {finding["subject"] for finding in body["findings"]} == {"rule"}
    (flagged,) = (finding for finding in body["findings"] if finding["verdict"] == "fail")
    assert (flagged["id"], flagged["about"], flagged["fixable"]) == ("rule.enabled", "acme-events", True)


def test_what_is_safe_is_mended_after_a_yes_and_nothing_after_a_no(account: Account, lake_yaml: Path) -> None:
    events, sqs = account.root("events"), account.root("sqs")
    url = sqs.get_queue_url(QueueName="acme-events")["QueueUrl"]
    before = events.describe_rule(Name="acme-events")
    events.disable_rule(Name="acme-events")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    no = CliRunner().invoke(main, ["doctor", "--config", str(lake_yaml), "--fix", "--only", "rule"], input="n\n")
    assert (no.exit_code, events.describe_rule(Name="acme-events")["State"]) == (2, "DISABLED")
    body = printed(run(lake_yaml, "--fix", "--yes", "--json"))
    assert body["exit_code"] == 0, [one for one in body["findings"] if one["verdict"] not in ("pass", "not looked at")]
    after = events.describe_rule(Name="acme-events")
    kept = ("EventPattern", "Description", "State")
    assert {key: after.get(key) for key in kept} == {key: before.get(key) for key in kept}


def test_a_row_that_does_not_exist_is_said_before_anything_is_asked(lake_yaml: Path) -> None:
    result = run(lake_yaml, "--only", "quue")
    assert result.exit_code == 1
    assert "is not a row or subject" in result.output


def test_only_a_row_is_looked_at_with_what_it_stands_on(lake_yaml: Path) -> None:
    body = printed(run(lake_yaml, "--json", "--only", "queue.redrive"))
    assert [finding["id"] for finding in body["findings"]] == ["queue.redrive"]


def test_where_nobody_answers_the_credentials_fail_and_nothing_else_is_looked_at(
    lake_yaml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    body = printed(run(lake_yaml, "--json"))
    verdicts = {finding["id"]: finding["verdict"] for finding in body["findings"]}
    assert verdicts["credentials.valid"] == "fail"
    of_aws = {
        name: verdict
        for name, verdict in verdicts.items()
        if not name.startswith(("names.", "dagster.", "quota.daily"))
    }
    assert set(of_aws.values()) == {"fail", "not looked at"}
    shown = run(lake_yaml).stdout
    assert shown.count("credentials.valid comes first") == shown.count("comes first") == 1, "said once, for all rows"
    assert "-> configure credentials" not in " ".join(shown.split()), "what is wrong is the way there"


def test_a_table_whose_name_aws_skips_is_named(account: Account, lake_yaml: Path) -> None:
    body = yaml.safe_load(lake_yaml.read_text(encoding="utf-8"))
    name = body["sources"][0]["name"]
    folder = lake_yaml.parent / "tables"
    folder.mkdir()
    tables = [{"database": "crm", "schema": "public", "table": table} for table in ("Order Details", "in/out")]
    (folder / f"{name}.json").write_text(json.dumps({"version": 1, "source": name, "tables": tables}), encoding="utf-8")
    found = printed(run(lake_yaml, "--json", "--only", "names"))["findings"]
    (flagged,) = (one for one in found if one["verdict"] == "fail")
    assert "in/out" in flagged["seen"]
    assert "Order Details" not in flagged["seen"]
