"""`rds-lake template` prints what CloudFormation takes, and says on the side what the person who deploys it has to know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rds_lake.cli import main
from rds_lake.infra.template.render import as_yaml
from rds_lake_tests.infra.template.lakes import LAKES, template_of


@pytest.fixture
def printed(tmp_path: Path):
    def run(name: str, *options: str) -> Result:
        (tmp_path / "lake.yaml").write_text(LAKES[name], encoding="utf-8")
        return CliRunner().invoke(main, ["template", "--config", str(tmp_path / "lake.yaml"), *options])

    return run


def test_the_template_alone_is_on_standard_output_so_that_it_can_be_redirected(printed) -> None:
    result = printed("all")
    assert result.exit_code == 0
    assert result.stdout == as_yaml(template_of("all").body)
    assert "the Glue job's script is not in the template" in result.stderr


def test_json_is_there_for_who_wants_it(printed) -> None:
    result = printed("rds", "--format", "json")
    assert json.loads(result.stdout) == template_of("rds").body
    assert result.stderr == ""


def test_written_to_a_file_it_says_how_to_deploy_it(printed, tmp_path: Path) -> None:
    file = tmp_path / "stack.yaml"
    result = printed("rds", "--out", str(file))
    assert file.read_text(encoding="utf-8") == as_yaml(template_of("rds").body)
    assert result.stdout == ""
    command = f"aws cloudformation deploy --template-file {file} --stack-name acme --capabilities CAPABILITY_NAMED_IAM"
    assert command in result.stderr
    assert "20 resources" in result.stderr


def test_a_template_too_long_for_a_call_and_names_that_became_patterns_are_reported(printed) -> None:
    result = printed("200 sources")
    assert "upload it to S3" in result.stderr
    assert "takes the place of 200 names" in result.stderr


def test_the_files_of_the_glue_job_are_written_where_the_template_says_that_they_are(printed, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    result = printed("dynamodb by glue", "--job-files", str(folder))
    assert f"aws s3 cp --recursive {folder} s3://acme-lake/" in result.stderr
    job = template_of("dynamodb by glue").body["Resources"]["Job"]["Properties"]
    for uri in (job["Command"]["ScriptLocation"], job["DefaultArguments"]["--extra-py-files"]):
        assert (folder / uri.removeprefix("s3://acme-lake/")).stat().st_size > 0


def test_files_of_a_job_that_there_is_not_are_refused(printed, tmp_path: Path) -> None:
    result = printed("rds", "--job-files", str(tmp_path / "files"))
    assert result.exit_code == 1
    assert "no source of lake.yaml is converted by Glue" in result.output
