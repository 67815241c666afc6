"""Notes for the person who installs triggers in MySQL or MariaDB, as sentences.

What belongs here: notes for every server. Notes about a server's settings are `database/capture/mysql_describe.py`.
"""

from __future__ import annotations

from rds_lake.model.streams.captured import OWN_SCHEMA, Capture
from rds_lake.sql.triggers.plan import Wanted

_ALWAYS = (
    "This changes a production database: every INSERT, UPDATE and DELETE of these tables runs a trigger in its own transaction "
    "(docs/streams.md says what that costs).",
    "LOCK TABLES waits for the table's running transactions, and writers that come meanwhile wait behind it: `--install` gives "
    "up after seconds and continues with the other tables; by hand keep the SET SESSION lines.",
    "Run it as a user that will not be dropped: a trigger has the rights of the user that created it, and without that user "
    "every writer fails (error 1449). The user needs TRIGGER, LOCK TABLES and SELECT on the tables, and CREATE, SELECT, INSERT, "
    f"UPDATE, DELETE and LOCK TABLES on {OWN_SCHEMA}. Writers need no right there.",
    "By hand, in the client `mysql`: put DELIMITER // before the statements and // behind each.",
    f"Never drop the database {OWN_SCHEMA} or its tables while there are triggers: every writer of a captured table would fail.",
    "After ALTER TABLE run this again: a column that is added is in no change until then, and after a column is dropped or renamed "
    "changes have their key alone. RENAME TABLE leaves the old name in the changes.",
    "No trigger fires for TRUNCATE TABLE, for partitions that are dropped, truncated or exchanged, and on a replica for what "
    "replication applies; the comparison with the next snapshot names what is missing.",
    "A session with autocommit = 0 that runs LOCK TABLES … WRITE on a captured table stops the writers of all captured tables until "
    "it commits and unlocks.",
    "Tools that change tables by triggers of their own (pt-online-schema-change) or refuse tables with triggers (gh-ost) need their "
    "options for tables that have some already; a copied table has none until this is run again.",
)
_OUTBOX = (
    "The outbox grows until `rds-lake streams forward` takes the changes; without it, it fills the database's storage.",
    "A restored or cloned database continues with the same numbers: run `rds-lake streams reset` in it before anything forwards.",
    f"To undo it: when the triggers are dropped and the outbox is empty, DROP DATABASE {OWN_SCHEMA}.",
)
_LAMBDA = (
    "Only Aurora MySQL has lambda_async, and not Serverless v1: RDS for MySQL and RDS for MariaDB call no function.",
    "The cluster parameter aws_default_lambda_role holds the ARN of a role with lambda:InvokeFunction, the role is associated with "
    "the cluster, and the cluster needs a way to Lambda's endpoint on port 443.",
    "Aurora MySQL 3 and 8.4: GRANT AWS_LAMBDA_ACCESS to the user who installs, and make it active in every session: SET DEFAULT ROLE "
    "AWS_LAMBDA_ACCESS TO that user, or the parameter activate_all_roles_on_login. Aurora MySQL 2: GRANT INVOKE LAMBDA ON *.* to "
    "that user. Try one write as an ordinary user first: without the right it fails with error 1227.",
    "Each row costs a call within the writer's transaction. AWS does not say what a writer sees when Lambda cannot be reached or "
    "throttles: try it before production depends on it.",
    "A call is not undone when its transaction is rolled back: the function may get changes that were never committed, and may "
    "get a change twice, late, or not at all.",
)
_ON_ERROR = {
    "fail": "on_error: fail: a call that fails ends the writer's statement.",
    "drop": f"on_error: drop: a call that fails loses the change; {OWN_SCHEMA}.dropped has a row for each.",
}


def notes(wanted: Wanted) -> tuple[str, ...]:
    """Returns the sentences, most important first."""
    if wanted.capture is Capture.OUTBOX:
        return (*_ALWAYS, *_OUTBOX)
    return (*_ALWAYS, *_LAMBDA, _ON_ERROR[wanted.on_error])
