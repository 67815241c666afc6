"""Tables as wide as Redshift allows: the columns of a relation are looked at together, not one by one."""

from typing import Any

import pytest

from rds_lake.localcloud.redshift.engine.databases import Databases
from rds_lake.localcloud.redshift.sql.oracle import Oracle

_COLUMNS = 120


def test_a_wide_tables_types_are_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    described = Oracle._described

    def counted(self: Oracle, query: Any) -> list[tuple[str, str]]:
        asked.append("")
        return described(self, query)

    monkeypatch.setattr(Oracle, "_described", counted)
    session = Databases().session("cluster", "dev")
    kinds = ("bigint", "varchar(20)", "decimal(12,2)", "char(3)")
    columns = ", ".join(f"c{number} {kinds[number % 4]}" for number in range(_COLUMNS))
    session.run(f"create table wide ({columns})")
    session.run(
        f"insert into wide values ({', '.join('1' if n % 2 == 0 else chr(39) + 'x' + chr(39) for n in range(_COLUMNS))})"
    )
    session.run("insert into wide select * from wide")
    sums = ", ".join(f"sum(c{number} + 1), max(c{number + 1})" for number in range(0, _COLUMNS, 2))
    assert len(session.run(f"select {sums} from wide").values[0]) == _COLUMNS
    assert len(asked) < 2 * _COLUMNS, "one for each sum, and a few for the rest"
    session.close()
