"""The existing Glue job of this lake: updated to this release, with its security configuration and its files.

The job's definition is `spark_job.py`, its script `convert/spark/job.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from rds_lake.aws.glue_jobs import GlueJobs
from rds_lake.aws.translate import aws_errors
from rds_lake.infra.existing.look import Found, Look, Say, ask
from rds_lake.infra.spark_job import job_definition, security_configuration
from rds_lake.infra.template.job import job_files
from rds_lake.model.lake.layout import LakeLayout


def job(look: Look) -> Iterator[Found]:
    """Find the job, or its remains; another lake's job is a problem."""
    lake = look.config.lake
    if not look.wants("ConversionJob", "Job"):
        return
    name = lake.glue_job
    script = GlueJobs(look.clients.glue).find_script(name)
    own = LakeLayout(bucket=lake.bucket, prefix=lake.prefix).uri("")
    if script is not None and not script.startswith(own):
        look.problems.append(
            f"the Glue job {name} runs {script}, which is not a script of this lake ({own}): give this lake its own job by another "
            "name in `glue_job:` under `lake:`"
        )
    elif script is not None or _is_secured(look, name):
        yield Found(
            parameter="ConversionJob", said=f"Glue job {name} exists: it is used", after=partial(_mend, look, name)
        )


def _is_secured(look: Look, name: str) -> bool:
    glue = look.clients.client("glue")
    configuration = ask(
        "glue",
        "GetSecurityConfiguration",
        name,
        lambda: glue.get_security_configuration(Name=name),
        missing=("EntityNotFoundException",),
    )
    return configuration is not None


def _mend(look: Look, name: str, say: Say) -> None:
    """Update the job to this release; its files are already uploaded."""
    lake = look.config.lake
    glue, layout = look.clients.client("glue"), LakeLayout(bucket=lake.bucket, prefix=lake.prefix)
    if lake.kms_key and not _is_secured(look, name):
        with aws_errors("kms", "DescribeKey", about=lake.kms_key):
            key = look.clients.client("kms").describe_key(KeyId=lake.kms_key)["KeyMetadata"]["Arn"]
        with aws_errors("glue", "CreateSecurityConfiguration", about=name):
            glue.create_security_configuration(Name=name, EncryptionConfiguration=security_configuration(key))
        say(f"  added: Glue security configuration {name}")
    script, rules = (layout.uri(file) for file in job_files(look.config))
    new = GlueJobs(look.clients.glue).put_job(name, job_definition(lake, script=script, rules=rules))
    say(f"  {'added' if new else 'changed'}: Glue job {name} is of this release")
