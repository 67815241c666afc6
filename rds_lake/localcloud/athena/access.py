"""The Glue and S3 permissions that a query needs, and Athena's error messages if one is missing.

(https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html,
https://docs.aws.amazon.com/athena/latest/ug/s3-permissions.html)
"""

from __future__ import annotations

from dataclasses import dataclass

from botocore.exceptions import ClientError

from rds_lake.localcloud.athena.errors import QueryFailedError
from rds_lake.localcloud.http.app import ApiError
from rds_lake.localcloud.permissions.acting import Acting, words
from rds_lake.localcloud.permissions.authorizer import NotAuthorizedError

VIA = "athena.amazonaws.com"
_PERMISSION_DENIED = "PERMISSION_DENIED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The permissions of one query. `output`: the location of its results, `s3://…`."""

    acting: Acting
    output: str

    def check_output(self) -> None:
        """ApiError if the caller may not even ask for the Region of the bucket of the results."""
        bucket = self.output.removeprefix("s3://").partition("/")[0]
        refused = self.acting.refused("s3", "GetBucketLocation", Bucket=bucket)
        if refused is not None:
            raise ApiError("InvalidRequestException", f"Unable to verify/create output bucket {bucket}. {refused}")

    def begin(self, database: str) -> None:
        """QueryFailedError unless the caller may see the databases that every query needs: `default` and its own."""
        for name in dict.fromkeys(("default", database)):
            self.database(name)

    def database(self, name: str) -> None:
        """QueryFailedError unless the caller may see the database."""
        refused = self.acting.refused("glue", "GetDatabase", Name=name)
        if refused is not None:
            raise _insufficient(refused)

    def read(self, bucket: str, key: str) -> None:
        """QueryFailedError unless the caller may read the object, even if the local cloud has a copy of it."""
        refused = self.acting.refused("s3", "GetObject", Bucket=bucket, Key=key)
        if refused is not None:
            raise QueryFailedError(_PERMISSION_DENIED, f"Permission denied on S3 path: s3://{bucket}/{key}. {refused}")

    def failure(self, error: ClientError | NotAuthorizedError) -> QueryFailedError | None:
        """Returns a refusal as Athena's error; None for any other error."""
        sentence = words(error)
        if sentence is None:
            return None
        writes = isinstance(error, ClientError) and error.operation_name in ("PutObject", "CreateMultipartUpload")
        if writes:
            return QueryFailedError(
                _PERMISSION_DENIED,
                f"Access denied when writing output to url: {self.output} . Please ensure you are allowed to access the S3 "
                "bucket. If you are encrypting query results with KMS key, please ensure you are allowed to access your KMS "
                f"key. {sentence}",
            )
        if "glue:" in sentence:
            return _insufficient(sentence)
        return QueryFailedError(_PERMISSION_DENIED, f"Permission denied on S3 path. {sentence}")


def _insufficient(sentence: str) -> QueryFailedError:
    return QueryFailedError(_PERMISSION_DENIED, f"Insufficient permissions to execute the query. {sentence}")
