"""`rds-lake report` writes one file, whole or not at all, and Dagster writes the same to S3."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner, Result

from rds_lake.cli import main
from rds_lake.config.lake import Report
from rds_lake.defs.assets.report import REPORT
from rds_lake_tests.defs.shell import Shell, quick_instance
from rds_lake_tests.support.world import World


def test_the_command_writes_the_page_and_says_what_needs_a_person(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world.be_the_process(monkeypatch)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    out = tmp_path / "page" / "report.html"
    out.parent.mkdir()

    def run(*arguments: str) -> Result:
        config = ["--config", str(world.config.directory / "lake.yaml")]
        return CliRunner().invoke(main, ["report", *config, "--out", str(out), *arguments])

    yesterday = str(datetime.now(UTC).date() - timedelta(days=1))
    world.snapshot(yesterday)
    world.publish(yesterday)
    result = run()
    assert result.exit_code == 0, result.output
    assert "report.html: nothing needs a person" in result.output.replace("\n", "")
    page = out.read_text(encoding="utf-8")
    assert "shop.public.Order Details" in page and "DAGSTER_HOME is not set" in page
    assert [path.name for path in out.parent.iterdir()] == ["report.html"]

    world.root.s3.put_text("acme-lake", "lake/_manifests/shop/_published.json", "{", kms_key=None)
    result = run("shop")
    assert result.exit_code == 1, "a source could not be read"
    assert "shop: could not be read: s3://acme-lake/lake/_manifests/shop/_published.json" in result.output.replace(
        "\n", " "
    )
    assert "could not be read" in out.read_text(encoding="utf-8")

    broken = tmp_path / "broken"
    broken.mkdir()
    broken.joinpath("dagster.yaml").write_text("storage: nowhere\n", encoding="utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(broken))
    result = run()
    page = out.read_text(encoding="utf-8")
    for shown in (result.output.replace("\n", " "), page):
        assert "failed runs and checks are not listed" in shown and str(broken) in shown.replace(" ", "")
    assert "DAGSTER_HOME is not set" not in page

    nowhere = str(tmp_path / "nowhere" / "report.html")
    result = run("--out", nowhere)
    assert result.exit_code == 1
    assert "nowhere/report.html cannot be written: No such file" in result.output.replace("\n", "")
    assert "--out" in result.output


def test_dagster_writes_the_report_of_the_day_to_s3_with_the_pipelines_rights(world: World) -> None:
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    world.with_source(freshness_hours=36)
    lake = world.config.lake.model_copy(update={"report": Report(schedule="10 5 * * *")})
    world.config = world.config.model_copy(update={"lake": lake})
    with quick_instance() as instance:
        shell = Shell(world, instance)
        (schedule,) = [one for one in shell.definitions.schedules or () if one.name == "lake_report"]
        assert isinstance(schedule, dg.ScheduleDefinition) and schedule.cron_schedule == "10 5 * * *"
        job = shell.definitions.resolve_implicit_global_asset_job_def()
        done = job.execute_in_process(instance=instance, asset_selection=[REPORT], raise_on_error=False)
        assert done.success
        (event,) = done.get_asset_materialization_events()
    said = {name: value.value for name, value in event.materialization.metadata.items()}
    today = datetime.now(UTC).date()
    assert said["rds_lake/report"] == f"s3://acme-lake/lake/_reports/{today}.html"
    assert said["rds_lake/needs"] == 1
    assert "- shop: readers see 2026-11-20" in str(said["rds_lake/needs_a_person"])
    answer = world.clients.client("s3").get_object(Bucket="acme-lake", Key=f"lake/_reports/{today}.html")
    assert answer["ContentType"] == "text/html; charset=utf-8"
    assert "1 thing needs a person" in answer["Body"].read().decode()
