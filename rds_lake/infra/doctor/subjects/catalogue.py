"""Glue: the databases of the sources, whether Lake Formation governs them, and the job that converts large tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.doctor.findings import Examination, Row, Seen, bad, doubtful, good
from rds_lake.infra.doctor.patient import Patient
from rds_lake.infra.doctor.subjects.credentials import ACCOUNT
from rds_lake.model.lake.layout import LakeLayout

DATABASE = Row(
    id="catalogue.database",
    looks_at="The Glue database of the source is an ordinary database of this catalogue; if it does not exist yet, the "
    "pipeline creates it.",
    remedy="give the source another name: a database that is a link to another account's cannot hold its tables",
)
GOVERNED = Row(
    id="catalogue.lake-formation",
    looks_at="New databases, and new tables of the sources' databases, are governed by IAM. Where Lake Formation governs them, "
    "rights of IAM are not enough.",
    remedy="grant the pipeline's role CREATE_DATABASE in Lake Formation, CREATE_TABLE in the databases, and readers SELECT; or let "
    "new databases and tables use only IAM access control (Lake Formation, Data Catalog settings, and the database's own)",
)
JOB = Row(
    id="job.definition",
    looks_at="The Glue job that converts large tables is there, and is this lake's.",
    remedy="run `rds-lake setup`, which creates it or brings it to this release",
)
ROWS = (DATABASE, GOVERNED, JOB)
_EVERYBODY = "IAM_ALLOWED_PRINCIPALS"
_OF_DATABASES, _OF_TABLES = "CreateDatabaseDefaultPermissions", "CreateTableDefaultPermissions"
_MISSING = ("EntityNotFoundException",)


def examinations(config: LakeConfig) -> Iterator[Examination]:
    """Returns a row for each source that is queried."""
    queried = [source.name for source in config.sources if source.athena]
    for name in queried:
        yield Examination(row=DATABASE, about=name, look=partial(_database, name), after=((ACCOUNT.id, ""),))
    if queried:
        yield Examination(row=GOVERNED, look=partial(_governed, queried), after=((ACCOUNT.id, ""),))
    if config.has_glue_job:
        yield Examination(row=JOB, about=config.lake.glue_job, look=_job, after=((ACCOUNT.id, ""),))


def _database(name: str, patient: Patient) -> Seen:
    database = _found(name, patient)
    if database is None:
        return good("it does not exist yet: the first date creates it")
    target = database.get("TargetDatabase")
    if target:
        return bad(f"it is a link to {target.get('DatabaseName')} of catalogue {target.get('CatalogId')}")
    return good("it is there")


def _found(name: str, patient: Patient) -> Any:
    """Returns Glue's description of the database; None if it does not exist."""
    arn = patient.names().arn("glue", f"database/{name}")
    answer = patient.ask("glue", "get_database", about=arn, missing=_MISSING, Name=name)
    return answer["Database"] if answer is not None else None


def _governed(queried: Sequence[str], patient: Patient) -> Seen:
    """Whether Lake Formation governs new tables: by the account's settings, or by an existing database's, which have priority.

    https://docs.aws.amazon.com/lake-formation/latest/dg/change-settings.html
    """
    settings = patient.ask("lakeformation", "get_data_lake_settings")["DataLakeSettings"]
    kinds = {"databases": _OF_DATABASES, "tables": _OF_TABLES}
    governed = [f"new {kind}" for kind, key in kinds.items() if not _open(settings.get(key) or ())]
    there = {name: _found(name, patient) for name in queried}
    # Glue leaves the key out if it was never set.
    own = [
        name
        for name, database in there.items()
        if database and _OF_TABLES in database and not _open(database[_OF_TABLES] or ())
    ]
    governed += [f"new tables of {', '.join(own)}"] if own else []
    if governed:
        return doubtful(f"{' and '.join(governed)} are governed by Lake Formation, and rights of IAM are not enough")
    return good("by IAM")


def _open(permissions: Any) -> bool:
    return any(
        permission.get("Principal", {}).get("DataLakePrincipalIdentifier") == _EVERYBODY for permission in permissions
    )


def _job(patient: Patient) -> Seen:
    name, lake = patient.lake.glue_job, patient.lake
    job = patient.ask("glue", "get_job", about=name, missing=_MISSING, JobName=name)
    if job is None:
        return bad("the job does not exist in this account and Region")
    script = job["Job"].get("Command", {}).get("ScriptLocation", "")
    own = LakeLayout(bucket=lake.bucket, prefix=lake.prefix).uri("")
    if not script.startswith(own):
        return bad(f"it runs {script}, which is not in this lake ({own})", "give this lake its own job (`glue_job:`)")
    return good(script)
