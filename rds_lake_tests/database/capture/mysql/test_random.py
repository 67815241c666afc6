"""Random tables and random writers: no trigger is ever noticed by a writer, and the changes say exactly what the tables have."""

from collections.abc import Iterator
from typing import Any

import pymysql
import pytest
from hypothesis import Phase, given, settings

from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake_tests.database.capture.mysql.conftest import empty_lab
from rds_lake_tests.database.capture.mysql.lab import Lab, in_order
from rds_lake_tests.database.capture.mysql.strategies import Script, quoted, scripts

TABLE, TWIN = "Order `Details` '\"%s\\ №", "twin"


@pytest.fixture(scope="module")
def one_lab(mariadb: EmbeddedMariaDb) -> Iterator[Lab]:
    with empty_lab(mariadb) as lab:
        yield lab


def outcome(cursor: pymysql.cursors.Cursor, statement: str, table: str) -> tuple[Any, ...]:
    """All that a writer sees of a statement."""
    cursor.execute("SELECT 1")
    # Not `format`: a value may be JSON, with braces of its own.
    statement = statement.replace("{table}", table)
    try:
        affected = cursor.execute(statement)
    except pymysql.MySQLError as error:
        return ("failed", error.args[0])
    if statement.startswith("REPLACE"):
        # Any trigger for DELETE changes what a server counts: `test_a_replace_counts_as_with_any_trigger`.
        affected = -1
    return ("done", affected, cursor.lastrowid, cursor.warning_count)


# Without shrinking: each attempt takes as long as an example, and there would be hundreds.
@pytest.mark.exhaustive
@settings(max_examples=10, phases=(Phase.explicit, Phase.generate))
@given(script=scripts())
def test_writers_notice_nothing_and_the_changes_rebuild_the_table(one_lab: Lab, script: Script) -> None:
    lab = one_lab
    lab.run(f"DROP TABLE IF EXISTS {quoted(TABLE)}, {TWIN}", script.create(quoted(TABLE)), script.create(TWIN))
    lab.capture(TABLE)
    lab.run("DELETE FROM rds_lake.outbox")
    with lab.session(*script.settings) as writer:
        for statement in script.statements:
            without = outcome(writer, statement, TWIN)
            assert outcome(writer, statement, quoted(TABLE)) == without, statement
        writer.connection.commit()
    exported = lab.exported(TABLE)
    assert in_order(lab.replayed(TABLE, script.key)) == in_order(exported)
    assert in_order(exported) == in_order(lab.exported(TWIN))
    for event in lab.events(TABLE):
        assert event.old != event.new, "an UPDATE that changes nothing is not a change"
        assert not event.omitted
