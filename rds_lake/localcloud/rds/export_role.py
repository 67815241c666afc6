"""The role of an export task: whether the export service may assume it, and its rights on bucket and key.

If the role lacks a right, the task ends as FAILED, with the messages of AWS's table:
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-export-snapshot.Troubleshooting.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from rds_lake.localcloud.http.account import REGION
from rds_lake.localcloud.http.app import RequestContext
from rds_lake.localcloud.permissions.acting import Acting, Actors, words

_SERVICE = "export.rds.amazonaws.com"
# The rights that AWS's page requires of the role: to read and delete as well as to write.
_OBJECT_CALLS = ("PutObject", "GetObject", "DeleteObject")
_GRANTED = (
    "Encrypt", "Decrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo", "DescribeKey",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRole:
    """The role of one task, which the export service uses. For a caller like root nothing is checked."""

    task: dict[str, Any]
    acting: Acting
    trusted: bool

    @classmethod
    def passed(cls, actors: Actors, context: RequestContext, task: dict[str, Any]) -> ExportRole:
        """Returns the role that a caller passes with StartExportTask; a grant lets it use the key, as in RDS."""
        caller, role = actors.caller(context), task["IamRoleArn"]
        acting = actors.in_role(caller, role, task["ExportTaskIdentifier"])
        key = actors.permissions.stored.key_arn(task["KmsKeyId"], context.region)
        if caller is not None and key is not None:
            name = task["ExportTaskIdentifier"]
            actors.permissions.stored.key(key).add_grant(name, role, list(_GRANTED), {}, role)
        return cls(task=task, acting=acting, trusted=actors.may_assume(caller, role, _SERVICE))

    def check(self) -> None:
        """RuntimeError, with AWS's message, if the role cannot be assumed or lacks a right, or the bucket is in another Region."""
        role, bucket = self.task["IamRoleArn"], self.task["S3Bucket"]
        if not self.trusted:
            raise RuntimeError(
                f"The RDS export failed to write the export task's metadata because it can't assume the IAM role {role}."
            )
        missing = [call for call in ("GetBucketLocation",) if self.acting.refused("s3", call, Bucket=bucket)]
        missing += ["ListBucket"] * bool(self.acting.refused("s3", "ListObjectsV2", Bucket=bucket))
        missing += [call for call in _OBJECT_CALLS if self._refused_object(call)]
        if missing:
            raise RuntimeError(self._unauthorized(missing))
        # S3 leaves the location out for us-east-1.
        where = self.acting.clients.client("s3").get_bucket_location(Bucket=bucket).get("LocationConstraint")
        if (where or "us-east-1") != REGION:
            raise RuntimeError(
                f"The S3 bucket {bucket} isn't located in the current AWS Region. Please, review your S3 bucket name and "
                "retry the export."
            )

    def failure(self, error: ClientError) -> str:
        """Returns the FailureCause for an error of the task's own calls."""
        sentence = words(error)
        if sentence is None:
            return str(error)[:1000]
        if "kms:" in sentence:
            return "The KMS key check failed. Check the credentials on your KMS key and try again."
        return self._unauthorized([error.operation_name])

    def _refused_object(self, call: str) -> str | None:
        """Whether the role lacks a right on the object that the task writes last."""
        place = "/".join(part for part in (self.task["S3Prefix"].strip("/"), self.task["ExportTaskIdentifier"]) if part)
        return self.acting.refused("s3", call, Bucket=self.task["S3Bucket"], Key=f"{place}/export_info.json")

    def _unauthorized(self, calls: list[str]) -> str:
        named = ", ".join(f"s3:{call}" for call in calls)
        return (
            f"The IAM role {self.task['IamRoleArn']} isn't authorized to call {named} on the S3 bucket "
            f"{self.task['S3Bucket']}. Review your permissions and retry the export."
        )
