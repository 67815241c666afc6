"""Sends a change to an AWS Lambda function, from a trigger of Aurora MySQL.

`lambda_async` is a function of the server in Aurora MySQL 2, 3 and 8.4; the procedure `mysql.lambda_async` of older articles is
neither in 3 nor in 8.4. RDS for MySQL and RDS for MariaDB have neither.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Integrating.NativeLambda.html

`on_error: fail` lets an error of the call end the writer's statement. With `drop` the change is lost and recorded as a row in
`rds_lake.dropped`: one row each, as a counter would make writers wait for each other. If the transaction is rolled back, so
are the change and this row.

What belongs here: the call. The changes and their images are `body.py`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rds_lake.model.streams.event import Op
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.quoting import mysql_literal
from rds_lake.sql.triggers.mysql.outbox import DROPPED, own_name
from rds_lake.sql.triggers.plan import MOST_PAYLOAD_IMAGE_BYTES

_NOW = f"DATE_FORMAT(UTC_TIMESTAMP(6), {mysql_literal('%Y-%m-%dT%H:%i:%s.%f+00:00')})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToLambda:
    """Changes become calls of a function, given by its ARN, for which the writer waits."""

    source: str
    function: str
    on_error: Literal["fail", "drop"]
    takes_key: bool = True
    at_once: str = ""

    @property
    def limit(self) -> int:
        return MOST_PAYLOAD_IMAGE_BYTES

    def statement(self, target: TableTarget, op: Op, images: Sequence[str]) -> str:
        # The variables are the trigger's own: a user variable (@answer) would be the writer's too.
        return (
            "BEGIN\n"
            "  DECLARE payload, answer LONGTEXT CHARACTER SET utf8mb4;\n"
            f"  SET payload = {self._payload(target, op, *images)};\n"
            f"{self._called(target, op)}\n"
            "END"
        )

    def insert(self, target: TableTarget, op: Op, images: Sequence[str]) -> str:
        return self.statement(target, op, images)

    def _called(self, target: TableTarget, op: Op) -> str:
        call = f"SELECT lambda_async({mysql_literal(self.function)}, payload) INTO answer;"
        if self.on_error == "fail":
            return f"  {call}"
        names = f"{mysql_literal(target.schema)}, {mysql_literal(target.table)}, {mysql_literal(op)}"
        return f"""\
  BEGIN
    DECLARE failure TEXT CHARACTER SET utf8mb4;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
      DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN END;
      GET DIAGNOSTICS CONDITION 1 failure = MESSAGE_TEXT;
      INSERT INTO {own_name(DROPPED)} (`at`, `table_schema`, `table_name`, `op`, `error`)
      VALUES (UTC_TIMESTAMP(6), {names}, LEFT(failure, 500));
    END;
    {call}
  END;"""

    def _payload(self, target: TableTarget, op: Op, old: str, new: str, omitted: str) -> str:
        head = f'", "source": {json.dumps(self.source)}, "table": {json.dumps(str(target), ensure_ascii=False)}, "op": '
        parts = [
            *(mysql_literal('{"id": "'), "UUID()", mysql_literal(f'{head}"{op}", "at": "'), _NOW),
            *(mysql_literal('", "xid": null, "key": '), "key_image"),
            *(
                mysql_literal(', "old": '),
                _or(old, "null"),
                mysql_literal(', "new": '),
                _or(new, "null"),
            ),
            *(mysql_literal(', "omitted": '), _or(omitted, "[]"), mysql_literal("}")),
        ]
        return f"CONCAT({', '.join(parts)})"


def _or(variable: str, otherwise: str) -> str:
    return f"COALESCE({variable}, {mysql_literal(otherwise)})"
