"""The Glue job that converts large DynamoDB tables, with its security configuration, if Glue converts a source.

The job runs a script in the lake's bucket. CloudFormation cannot put it there; `rds-lake template --job-files` writes it.
"""

from __future__ import annotations

from typing import Any

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.convert.spark.bundle import RULES_NAME, SCRIPT_NAME, build_bundle
from rds_lake.infra.spark_job import job_definition, security_configuration
from rds_lake.infra.template.key import key_arn
from rds_lake.infra.template.parameters import equals
from rds_lake.infra.template.parts import Part, either, new_or_existing, ref, resource, tag_map
from rds_lake.infra.template.roles import job_role_arn
from rds_lake.model.lake.layout import LakeLayout

_NEW = "NewJob"


def job(config: LakeConfig) -> Part:
    """The job and, with a key, its security configuration."""
    if not config.has_glue_job:
        return Part()
    layout = LakeLayout(bucket=config.lake.bucket, prefix=config.lake.prefix)
    script, rules = (layout.uri(key) for key in job_files(config))
    definition = job_definition(config.lake, script=script, rules=rules)
    known = {"Name": config.lake.glue_job, "Role": job_role_arn(config), "Tags": tag_map(config.lake)}
    secured = {"SecurityConfiguration": ref("JobSecurity")} if config.lake.kms_key else {}
    name = config.lake.glue_job
    described = f"new: create the Glue job {name}. existing: it exists; `rds-lake setup` updates it to its release."
    return Part(
        parameters={"ConversionJob": new_or_existing(described)},
        conditions={_NEW: equals("ConversionJob", "new")},
        resources={
            "Job": resource("AWS::Glue::Job", {**definition, **known, **secured}, condition=_NEW),
            **_security(config),
        },
        outputs={"GlueJob": {"Description": "lake.yaml: glue_job", "Value": either(_NEW, ref("Job"), name)}},
    )


def job_files(config: LakeConfig) -> dict[str, bytes]:
    """Returns the job's files, by their keys in the lake's bucket: the script, then the zip of rules."""
    bundle, layout = build_bundle(), LakeLayout(bucket=config.lake.bucket, prefix=config.lake.prefix)
    files = {SCRIPT_NAME: bundle.script, RULES_NAME: bundle.rules}
    return {layout.job_file_key(bundle.digest, name): body for name, body in files.items()}


def _security(config: LakeConfig) -> dict[str, Any]:
    key = key_arn(config)
    if key is None:
        return {}
    by_api = security_configuration(key)
    # CloudFormation has another word for one of the API's keys.
    encryption = {("S3Encryptions" if name == "S3Encryption" else name): value for name, value in by_api.items()}
    properties = {"Name": config.lake.glue_job, "EncryptionConfiguration": encryption}
    return {"JobSecurity": resource("AWS::Glue::SecurityConfiguration", properties, condition=_NEW)}
