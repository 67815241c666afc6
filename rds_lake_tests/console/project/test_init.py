"""`rds-lake init` on the local cloud: what it finds, asks, writes, and never overwrites."""

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rds_lake.cli import main
from rds_lake.config.lake_yaml import load_config
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.environment import environment
from rds_lake.stages.catalogue.naming import view_names


def make_table(cloud: LocalCloud, name: str, *, recovers: bool) -> None:
    dynamodb = cloud.clients.client("dynamodb")
    key = {"AttributeName": "id", "AttributeType": "S"}
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[key],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    if recovers:
        on = {"PointInTimeRecoveryEnabled": True}
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=on)


def make_instance(cloud: LocalCloud, name: str, **changes: Any) -> None:
    settings: dict[str, Any] = {"Engine": "mysql", "AllocatedStorage": 500, "BackupRetentionPeriod": 7}
    cloud.clients.client("rds").create_db_instance(
        DBInstanceIdentifier=name, DBInstanceClass="db.t3.medium", **(settings | changes)
    )


@pytest.fixture
def account(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LocalCloud:
    """An account with some of everything, as the environment's; the working directory is empty."""
    for name, value in environment(cloud.url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    make_table(cloud, "Reviews", recovers=True)
    make_table(cloud, "off", recovers=True)
    make_table(cloud, "Sessions", recovers=False)
    make_instance(cloud, "orders-prod")
    make_instance(cloud, "nobackup", BackupRetentionPeriod=0)
    make_instance(cloud, "erp", Engine="oracle-ee")
    return cloud


def init(*arguments: str, answers: str | None = None) -> Result:
    return CliRunner().invoke(main, ["init", *arguments], input=answers)


def test_without_questions_everything_that_can_be_exported_becomes_a_lake(account: LocalCloud, tmp_path: Path) -> None:
    done = init("--yes", "--start-date", "2026-11-01")
    assert done.exit_code == 0, done.output
    assert "account 123456789012, Region us-east-1" in done.output
    for said in (
        r"instance +erp +oracle-ee .*AWS exports no snapshots of engine oracle-ee",
        r"instance +nobackup +mysql .*automated backups are off",
        r"instance +orders-prod +mysql [\d.]+ +500 GB  can be exported; backups of 7 days",
        r"cluster +shop-aurora +aurora-postgresql .*\? GB  can be exported",
        r"table +Sessions +dynamodb .*point-in-time recovery is off",
        r"not included, since AWS does not report their size: shop-aurora",
    ):
        assert re.search(said, done.output), f"{said}\n{done.output}"
    config = load_config(tmp_path / "lake.yaml")
    assert [(source.name, source.kind) for source in config.sources] == [
        ("orders_prod", "rds"),
        ("shop_prod", "rds"),
        ("shop_aurora", "aurora"),
        ("dynamodb", "dynamodb"),
    ]
    assert config.dynamodb[0].tables == ("Reviews", "off")
    assert config.databases[0].engine == "mysql"
    assert config.lake.bucket == "rds-lake-123456789012-us-east-1"
    assert config.lake.export_role == "arn:aws:iam::123456789012:role/rds-lake-export"


def test_a_person_answers_with_numbers_and_a_bucket(account: LocalCloud, tmp_path: Path) -> None:
    listed = init("--yes", "elsewhere").output
    number = next(line.split()[0] for line in listed.splitlines() if " orders-prod " in line)
    done = init("my lake", answers=f"99\n1\n{number}\nour-own-bucket\n")
    assert done.exit_code == 0, done.output
    assert "  cd 'my lake'\n" in done.output, "as a shell takes it"
    assert "'99' is not a number in the list" in done.output, "and is asked again"
    assert "AWS exports no snapshots of engine oracle-ee" in done.output
    config = load_config(tmp_path / "my lake" / "lake.yaml")
    assert [source.name for source in config.sources] == ["orders_prod"]
    assert config.lake.bucket == "our-own-bucket"


@pytest.mark.exhaustive
def test_flags_name_sources_by_pattern_and_what_has_no_backups_is_taken_with_a_comment(
    account: LocalCloud, tmp_path: Path
) -> None:
    done = init("--yes", "--source", "nobackup", "--source", "Se*", "--name", "crm", "--bucket", "crm-lake")
    assert done.exit_code == 0, done.output
    text = (tmp_path / "lake.yaml").read_text(encoding="utf-8")
    assert "automated backups are OFF" in text and "snapshots: [manual]" in text
    assert "- Sessions    # point-in-time recovery is OFF" in text
    assert load_config(tmp_path / "lake.yaml").lake.events_queue == "crm-events"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--source", "nobody"], "no such instance, cluster or table in this Region; there is"),
        (["--source", "erp"], "AWS exports no snapshots of engine oracle-ee"),
        (["--bucket", "Not_A_Bucket"], "must be the name of a bucket"),
        (["--price", "gold=1", "--price", "storage_per_gb_month=x"], "the prices are athena_per_tb"),
        (["--size", "shop-prod"], "write NAME=GB"),
        (["--size", "shop-prod=-5"], "0 or more"),
        (["--size", "nobody=5"], "--size nobody: no such instance, cluster or table in the list above"),
        (["--name", "my lake: x"], "--name 'my lake: x': it is part of the names of role, key, queue and topic"),
    ],
)
def test_what_cannot_be_is_a_sentence_and_nothing_is_written(
    arguments: list[str], said: str, account: LocalCloud, tmp_path: Path
) -> None:
    done = init("--yes", *arguments)
    assert done.exit_code == 1
    assert said in done.output
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_there_are_listed_and_none_is_touched(account: LocalCloud, tmp_path: Path) -> None:
    (tmp_path / "lake.yaml").write_text("mine", encoding="utf-8")
    (tmp_path / "pyproject.toml").symlink_to("nowhere")
    done = init("--yes")
    assert done.exit_code == 1
    assert "- lake.yaml" in done.output and "- pyproject.toml" in done.output and "workspace" not in done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lake.yaml", "pyproject.toml"]
    assert (tmp_path / "lake.yaml").read_text(encoding="utf-8") == "mine"


@pytest.mark.exhaustive
def test_a_project_that_there_is_gets_lake_yaml_and_its_schema_only(account: LocalCloud, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    done = init("--yes", "--only-lake-yaml")
    assert done.exit_code == 0
    assert "dg.Definitions.merge(rds_lake.definitions.defs(), yours)" in done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lake.schema.json", "lake.yaml", "pyproject.toml"]


@pytest.mark.exhaustive
def test_the_estimate_follows_prices_and_sizes_that_are_given(account: LocalCloud) -> None:
    def total(*arguments: str) -> float:
        output = init("--yes", "--source", "shop-aurora", *arguments).output
        found = re.search(r"a month will cost about ([\d,.]+) USD", output)
        assert found, output
        return float(found[1].replace(",", ""))

    free = ["storage_per_gb_month=0", "athena_per_tb=0", "kms_key_month=0", "export_per_gb_snapshot=0.02"]
    assert total("a", "--size", "shop-aurora=100", *(f"--price={price}" for price in free)) == pytest.approx(60.8)
    assert total("b") == 1.0, "the key alone, while nobody knows how big a cluster is"


@pytest.mark.exhaustive
def test_without_a_region_it_says_so(monkeypatch: pytest.MonkeyPatch, account: LocalCloud, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    done = init("--yes")
    assert done.exit_code == 1
    assert "no AWS Region is set" in done.output


@pytest.mark.exhaustive
def test_without_credentials_it_says_so(monkeypatch: pytest.MonkeyPatch, account: LocalCloud, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    done = init("--yes")
    assert done.exit_code == 1
    assert "configure AWS credentials" in done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.exhaustive
def test_names_that_yaml_or_athena_would_misread_make_a_lake_yaml_that_is_right(
    account: LocalCloud, tmp_path: Path
) -> None:
    """An instance named `null`; tables that Athena would give one name; a name that is as long as DynamoDB allows."""
    make_instance(account, "null")
    longest = "t" * 255
    for name in ("prod.users", "prod-users", "prod_users", "...", longest):
        make_table(account, name, recovers=True)
    done = init("--yes", "--name", "Our_Lake")
    assert done.exit_code == 0, done.output
    others = [line for line in done.output.splitlines() if re.match(r" +\d+  ", line) and longest not in line]
    assert max(map(len, others)) < 200, "one long name does not push all lines out of the window"
    checked = CliRunner().invoke(main, ["validate"])
    assert checked.exit_code == 0, checked.output
    config = load_config(tmp_path / "lake.yaml")
    assert config.source("null").name == "null"
    assert config.lake.bucket == "our-lake-123456789012-us-east-1"
    names = view_names(config.dynamodb[0].included_tables or (), config.dynamodb[0])
    assert len(set(names.values())) == len(names) == 7


def test_validate_says_which_tables_would_have_one_name_in_athena_and_where(tmp_path: Path) -> None:
    text = "\n".join(
        (
            "lake: {bucket: acme-lake, export_role: 'arn:aws:iam::123456789012:role/e', kms_key: alias/k,",
            "  events_queue: q, start_date: 2026-01-01}",
            "sources:",
            "  - name: reviews",
            "    kind: dynamodb",
            "    tables: [Users, USERS]",
        )
    )
    (tmp_path / "lake.yaml").write_text(text, encoding="utf-8")
    done = CliRunner().invoke(main, ["validate", "--config", str(tmp_path / "lake.yaml")])
    assert done.exit_code == 1
    assert "line 6, column 5: source reviews: tables USERS and Users both want the name 'users'" in done.output
    assert "rename: {'Users': users_2}" in done.output
