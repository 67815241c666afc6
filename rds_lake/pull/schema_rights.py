"""Finds privileges that a pull needs and the PostgreSQL user lacks, before anything is changed."""

from __future__ import annotations

from rds_lake.pull.found_schema import FoundNames
from rds_lake.pull.postgres_session import Session
from rds_lake.pull.target import RECORD
from rds_lake.sql.quoting import identifier, qualified

_ABOUT = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only')::boolean, current_user::text, current_database()::text"
_SCHEMA_RIGHTS = ("USAGE", "CREATE")
_RECORD_RIGHTS = ("SELECT", "INSERT", "DELETE")


def missing_rights(session: Session, schema: str, names: FoundNames) -> list[str]:
    """Missing rights, each as a sentence with the GRANT that helps; empty if the user may write to the schema."""
    ((is_standby, is_read_only, user, database),) = session.all(_ABOUT, [])
    problems: list[str] = []
    if is_standby:
        problems.append("the database is a read-only standby: use --to with the primary, or with another database")
    elif is_read_only:
        problems.append(
            f"the database is read-only for {user} (default_transaction_read_only): use --to with another user or database"
        )
    if names.namespace is None:
        if not session.ask("SELECT has_database_privilege(current_database(), 'CREATE')", []):
            problems.append(
                f"{user} may not create the schema {schema}: GRANT CREATE ON DATABASE {identifier(database)} TO {identifier(user)}"
            )
        return problems
    asked = "SELECT has_schema_privilege(%s::bigint::oid, %s)"
    lacking = [right for right in _SCHEMA_RIGHTS if not session.ask(asked, [names.namespace, right])]
    if lacking:
        rights = ", ".join(lacking)
        problems.append(
            f"{user} may not create tables in the schema {schema}: GRANT {rights} ON SCHEMA {identifier(schema)} TO {identifier(user)}"
        )
    return problems if names.record is None else problems + _missing_of_record(session, schema, names.record, user)


def _missing_of_record(session: Session, schema: str, record: int, user: str) -> list[str]:
    asked = "SELECT has_table_privilege(%s::bigint::oid, %s)"
    lacking = [right for right in _RECORD_RIGHTS if not session.ask(asked, [record, right])]
    if not lacking:
        return []
    what = f"GRANT {', '.join(lacking)} ON {qualified(schema, RECORD)} TO {identifier(user)}"
    return [f"{user} may not use the table that records earlier pulls: {what}, or use another --schema"]
