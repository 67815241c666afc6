"""`rds-lake template`: print the CloudFormation template of lake.yaml. It makes no call to AWS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.errors import ConfigError
from rds_lake.files import write_whole
from rds_lake.infra.policy.deployed import name_prefix
from rds_lake.infra.template.build import build_template
from rds_lake.infra.template.job import job_files
from rds_lake.infra.template.render import as_json, as_yaml, size_note
from rds_lake.model.words import counted

_FORMS = {"yaml": as_yaml, "json": as_json}


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """Where the template is written. `out`: a file; None: `show` gets it. `form`: `yaml` or `json`. `job_files`: a folder."""

    out: Path | None
    form: str
    job_files: Path | None


def template(config: LakeConfig, printed: Printed, *, show: Callable[[str], None], say: Callable[[str], None]) -> None:
    """Show or write the template; `say` gets what a person must know to deploy it.

    ConfigError if lake.yaml gives no template, or the files of the Glue job cannot be written.
    """
    made = build_template(config)
    text = _FORMS[printed.form](made.body)
    if printed.out is None:
        show(text.rstrip("\n"))
    else:
        write_whole(printed.out, text)
        say(
            f"{printed.out}: {counted(len(made.body['Resources']), 'resource')}, {len(text.encode()):,} bytes. To deploy it:"
        )
        say(f"  {_deploy(config, printed.out)}")
    for note in (*made.notes, size_note(text)):
        if note:
            say(f"note: {note}")
    if printed.job_files:
        _write_job(config, printed.job_files, say)
    elif config.has_glue_job:
        say(
            "note: the Glue job's script is not in the template: write it with --job-files DIRECTORY, and copy it to the bucket"
        )


def _deploy(config: LakeConfig, file: Path) -> str:
    stack = name_prefix(config.lake)
    return f"aws cloudformation deploy --template-file {file} --stack-name {stack} --capabilities CAPABILITY_NAMED_IAM"


def _write_job(config: LakeConfig, folder: Path, say: Callable[[str], None]) -> None:
    if not config.has_glue_job:
        raise ConfigError("--job-files: no source of lake.yaml is converted by Glue, so there is no job; leave it out")
    for key, body in job_files(config).items():
        file = folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, body)
    say(f"the Glue job's files are in {folder}. To put them where the job reads them:")
    say(f"  aws s3 cp --recursive {folder} s3://{config.lake.bucket}/")
