"""All errors that rds-lake raises on purpose, in one tree.

    RdsLakeError
    ├── ConfigError                lake.yaml or the environment is wrong; lists every problem
    ├── TransientError             the same call may succeed later; retried by policy
    │   ├── ThrottledError         AWS throttled the call, and botocore's retries did not help
    │   ├── UnavailableError       connection, time-out, 5xx
    │   │   └── OutboxBusyError    another process forwards the same outbox now
    │   └── ExportQuotaError       five exports are in progress already, or one of this snapshot
    └── TerminalError              repeating changes nothing; a person has to act
        ├── AwsError               AWS refused a call; has service, operation, code
        │   └── ConflictError      another run or person changed or created the same thing in between
        ├── SnapshotNotFoundError  no usable snapshot for this date
        ├── ExportFailedError      FAILED or CANCELED; carries AWS's FailureCause
        ├── ExportIncompleteError  COMPLETE, but tables or files are missing; lists all
        ├── ExportTimeoutError     not finished within `export_timeout`
        ├── MalformedExportError   info files or Parquet not as documented; lists all
        ├── RelocationError        objects could not be copied or verified; lists all
        ├── LostFilesError         files that a manifest names no longer exist, nor do their originals; lists all
        ├── ConversionError        DynamoDB's files are missing, damaged or not DynamoDB JSON; names file and line
        ├── FullExportDueError     changes cannot be merged into the files of an earlier date; says why, by table
        │   └── TypesChangedError  changes need types to which those files cannot be converted
        ├── FullExportBegunError   full exports were begun instead; when they have ended, the date is converted automatically
        ├── ManifestError          a manifest or export record is missing, damaged or of another version
        │   ├── NewerRecordError   a newer release wrote it; it is not changed
        │   └── RefusedDeleteError objects that do not belong to the source by lake.yaml were to be deleted
        ├── NameCollisionError     two tables or columns would get the same Athena name; lists all, with `rename:` lines
        ├── CatalogError           Glue refused some tables or partitions; lists all
        ├── PublishError           a date cannot be published or rolled back to; no view was moved
        ├── InputError             a JSON that asks a warehouse for a run is wrong; lists every problem with its path
        ├── WarehouseError         a run of a warehouse failed or cannot begin; lists what failed
        ├── LeaseLostError         a run's lease has expired, and its warehouse belongs to another run or the reaper
        ├── StackError             the CloudFormation stack failed or cannot be changed; lists why
        ├── AsOfError              a query cannot be read as of a date; lists why
        ├── DiffError              two dates of a table cannot be compared as requested; says why
        ├── PullError              a date could not be pulled into another database; lists why, by table
        └── QueryError             an Athena query failed or was cancelled; has id, category, retryable

Add a class only if a caller handles it differently. A message says what happened, to which object, and what to do next.
Only `aws/translate.py` translates botocore's errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class RdsLakeError(Exception):
    """The base class of all errors that rds-lake raises on purpose."""


def _bulleted(headline: str, problems: Sequence[str], limit: int = 50) -> str:
    """Returns the headline and one line per problem, at most `limit` lines."""
    shown = "".join(f"\n  - {problem}" for problem in problems[:limit])
    more = f"\n  … and {len(problems) - limit} more" if len(problems) > limit else ""
    return f"{headline}{shown}{more}"


class ProblemsError(RdsLakeError):
    """An error with all problems found, not only the first."""

    def __init__(self, headline: str, problems: Sequence[str] = ()) -> None:
        super().__init__(_bulleted(headline, problems))
        self.headline = headline
        self.problems = tuple(problems)


class ConfigError(ProblemsError):
    """lake.yaml or the environment is wrong."""


class TransientError(RdsLakeError):
    """The same call may succeed later."""


class ThrottledError(TransientError):
    """AWS throttled the call, and botocore's retries did not help."""


class UnavailableError(TransientError):
    """The connection failed or timed out, or the service answered 5xx."""


class OutboxBusyError(UnavailableError):
    """Another process is forwarding the changes of the same database; wait until it ends."""


class ExportQuotaError(TransientError):
    """AWS's quota of five exports in progress is used up; the start can be repeated later.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html
    """


class TerminalError(RdsLakeError):
    """Repeating changes nothing; a person has to act."""


class AwsError(TerminalError):
    """AWS refused a call."""

    def __init__(self, *, service: str, operation: str, code: str, message: str) -> None:
        super().__init__(f"{service} {operation} was refused: {code}: {message}")
        self.service = service
        self.operation = operation
        self.code = code


class ConflictError(AwsError):
    """Another run or person changed or created the same thing in between (stale VersionId, AlreadyExists)."""


class SnapshotNotFoundError(TerminalError):
    """There is no usable snapshot of the source for this date."""


class ExportFailedError(TerminalError):
    """The export task ended FAILED or CANCELED."""


class ExportIncompleteError(ProblemsError, TerminalError):
    """The task says COMPLETE, but tables, rows or files are missing."""


class ExportTimeoutError(TerminalError):
    """The export did not finish within the configured time."""


class MalformedExportError(ProblemsError, TerminalError):
    """Info files or Parquet footers are not as AWS documents them."""


class RelocationError(ProblemsError, TerminalError):
    """Objects could not be copied or did not verify; the source is untouched."""


class LostFilesError(ProblemsError, TerminalError):
    """Files that a manifest names are missing from the lake, and their originals are missing too."""


class ConversionError(ProblemsError, TerminalError):
    """Files of DynamoDB JSON are missing, damaged, or hold what DynamoDB does not write."""


class FullExportDueError(TerminalError):
    """Changes cannot be merged into the files of an earlier date. `tables`: the reason by table."""

    def __init__(self, message: str, tables: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.tables = dict(tables or {})


class TypesChangedError(FullExportDueError):
    """Changes need types to which the files of the earlier date cannot be converted."""


class FullExportBegunError(ProblemsError, TerminalError):
    """Tables whose changes cannot be used are exported in full; the date is converted automatically when that has ended."""


class ManifestError(TerminalError):
    """A manifest or export record is missing, damaged, or of another version."""


class NewerRecordError(ManifestError):
    """A newer release wrote the record. It is not damaged, and must not be replaced."""


class RefusedDeleteError(ManifestError):
    """Objects that do not belong to the source by lake.yaml were to be deleted; nothing was deleted."""


class NameCollisionError(ProblemsError, TerminalError):
    """Two tables or columns would get the same Athena name."""


class CatalogError(ProblemsError, TerminalError):
    """Glue refused some tables or partitions."""


class PublishError(ProblemsError, TerminalError):
    """A date cannot be published or rolled back to; no view was moved."""


class InputError(ProblemsError, TerminalError):
    """A JSON that asks a warehouse for a run is wrong; nothing was started. `rest`: its readable part, to find further problems."""

    def __init__(self, problems: Sequence[str], rest: object = None) -> None:
        super().__init__("the input has problems:", problems)
        self.rest = rest


class WarehouseError(ProblemsError, TerminalError):
    """A run of a warehouse failed, or cannot begin."""


class LeaseLostError(TerminalError):
    """The lease of this run has expired, and another run or the reaper has the warehouse: this run must stop."""


class StackError(ProblemsError, TerminalError):
    """The CloudFormation stack failed or cannot be changed; lists what failed and what to do."""


class AsOfError(ProblemsError, TerminalError):
    """A query cannot be read as of a date; nothing was run."""


class DiffError(ProblemsError, TerminalError):
    """Two dates of a table cannot be compared as requested."""


class PullError(ProblemsError, TerminalError):
    """A date could not be pulled into another database completely; complete tables are kept."""


class QueryError(TerminalError):
    """An Athena query failed or was cancelled."""

    def __init__(self, message: str, *, query_id: str, category: int | None = None, retryable: bool = False) -> None:
        super().__init__(message)
        self.query_id = query_id
        self.category = category
        self.retryable = retryable


def is_transient(error: RdsLakeError) -> bool:
    """Whether the same call may succeed later without action by a person."""
    return isinstance(error, TransientError) or (isinstance(error, QueryError) and error.retryable)


def all_together(summary: RdsLakeError, causes: Sequence[RdsLakeError]) -> RdsLakeError:
    """Returns one error for several causes. It is transient, so that it is retried, if all causes are."""
    return UnavailableError(str(summary)) if causes and all(map(is_transient, causes)) else summary
