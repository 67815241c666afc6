"""Create the Glue job of a lake, with its role and security configuration; an existing job is updated to this release.

The job's definition is `spark_job.py`, its script `convert/spark/job.py`, its role's policy `policy/service_roles.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.glue_jobs import GlueJobs
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.translate import aws_errors
from rds_lake.config.lake_yaml import LakeSettings
from rds_lake.convert.spark.bundle import RULES_NAME, SCRIPT_NAME, build_bundle
from rds_lake.errors import AwsError, ConfigError
from rds_lake.infra.policy.names import Names
from rds_lake.infra.policy.service_roles import job_policy_of, job_role_trust
from rds_lake.infra.roles import Role, ensure_role
from rds_lake.infra.spark_job import job_definition, security_configuration
from rds_lake.model.aws.arn import parse_arn
from rds_lake.model.lake.layout import LakeLayout


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProvisioner:
    """Creates what the lake's settings say of the job; `say` gets one line per object."""

    clients: AwsClients
    settings: LakeSettings
    say: Callable[[str], None]

    def apply(self) -> None:
        """Create role, security configuration, the job's files and the job; ConfigError where the job is another lake's."""
        self._require_own_job()
        key = self._key(self.settings.kms_key) if self.settings.kms_key else None
        self._role(key)
        if key is not None:
            self._security(key)
        script, rules = self._files()
        job = self.settings.glue_job
        new = GlueJobs(self.clients.glue).put_job(job, job_definition(self.settings, script=script, rules=rules))
        self.say(f"Glue job {job} {'created' if new else 'is of this release'}")

    def _require_own_job(self) -> None:
        job = self.settings.glue_job
        script = GlueJobs(self.clients.glue).find_script(job)
        own = LakeLayout(bucket=self.settings.bucket, prefix=self.settings.prefix).uri("")
        if script is not None and not script.startswith(own):
            raise ConfigError(
                f"the Glue job {job} runs {script}, which is not a script of this lake ({own}); it was not changed. Give this "
                "lake its own job: another name in `glue_job:` under `lake:`"
            )

    def _key(self, name: str) -> str:
        with aws_errors("kms", "DescribeKey"):
            return self.clients.client("kms").describe_key(KeyId=name)["KeyMetadata"]["Arn"]

    def _role(self, kms_key_arn: str | None) -> None:
        assert self.settings.glue_role is not None
        arn = parse_arn(self.settings.glue_role)
        region = self.clients.s3.meta.region_name
        names = Names(partition=arn.partition, region=region, account=arn.account, key_arn=kms_key_arn)
        role = Role(
            name=arn.resource.rsplit("/", 1)[-1],
            trust=job_role_trust(),
            policy_name="rds-lake-convert",
            policy=job_policy_of(self.settings, names).as_dict(),
        )
        ensure_role(self.clients.client("iam"), role, self.say)

    def _security(self, kms_key_arn: str) -> None:
        glue, name = self.clients.client("glue"), self.settings.glue_job
        try:
            with aws_errors("glue", "GetSecurityConfiguration", about=name):
                glue.get_security_configuration(Name=name)
            self.say(f"Glue security configuration {name} exists")
            return
        except AwsError as error:
            if error.code != "EntityNotFoundException":
                raise
        with aws_errors("glue", "CreateSecurityConfiguration", about=name):
            glue.create_security_configuration(Name=name, EncryptionConfiguration=security_configuration(kms_key_arn))
        self.say(f"Glue security configuration {name} created")

    def _files(self) -> tuple[str, str]:
        """The URIs of the script and of the zip."""
        bundle, s3 = build_bundle(), S3Gateway(self.clients.s3)
        layout = LakeLayout(bucket=self.settings.bucket, prefix=self.settings.prefix)
        uris: list[str] = []
        for name, body in ((SCRIPT_NAME, bundle.script), (RULES_NAME, bundle.rules)):
            key = layout.job_file_key(bundle.digest, name)
            if s3.find_head(layout.bucket, key) is None:
                s3.put_bytes(layout.bucket, key, body, kms_key=self.settings.kms_key)
            uris.append(layout.uri(key))
        return uris[0], uris[1]
