"""Random tables, and random writers of them, as SQL."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

_WORDS = [
    "",
    "a",
    "A",
    "a ",
    "ä",
    "é",
    "größe",
    "x'y",
    'q"r',
    "back\\slash",
    "\\n",
    "\n\t\x01\x7f\x00",
    "%s",
    "€",
    "😀",
    "{}",
    "null",
]
_MOMENTS = [
    *(
        "0000-00-00 00:00:00",
        "2026-00-31 00:00:00",
        "2026-02-31 10:00:00",
        "1970-01-01 00:00:01",
        "1969-12-31 23:59:59.5",
    ),
    *("2026-11-28 12:13:14.987654", "2026-03-29 02:30:00", "2038-01-19 03:14:07.999999", "9999-12-31 23:59:59"),
]
_NUMBERS = [
    *("0", "1", "-1", "7", "127", "255", "0.1", "-0.0", "1.005", "123456.78905", "16777217", "1e15", "-1e-7"),
    *("9223372036854775807", "18446744073709551615", "12345678901234567890.123456789012345678", "3.4e38", "5e-324"),
]


def _text(text: str) -> str:
    """In bytes, which no SQL mode and no character set of the session reads differently."""
    return f"_utf8mb4 x'{text.encode().hex()}'" if text else "''"


_TEXTS = [_text(word) for word in _WORDS]
_BYTES = ["x''", "x'00'", "x'61'", "x'6120'", "x'ff0a5c27'"]
_QUOTED = [f"'{moment}'" for moment in _MOMENTS]
_TIMES = ["'00:00:00'", "'-838:59:59'", "'23:59:59.999999'", "'12:00:00.5'"]

# By type: values in SQL. Some are wrong for their type: how the server takes them is its sessions' affair.
VALUES: dict[str, list[str]] = (
    dict.fromkeys(
        [
            *(
                "tinyint",
                "tinyint(1)",
                "smallint unsigned",
                "mediumint",
                "int",
                "int(8) zerofill",
                "bigint",
                "bigint unsigned",
            ),
            *(
                "bigint(30) unsigned zerofill",
                "decimal(10,2)",
                "decimal(65,30)",
                "decimal(20,4) unsigned zerofill",
                "float",
            ),
            *("float(7,2)", "double", "double(10,4)"),
        ],
        _NUMBERS,
    )
    | {"year": ["0", "'0000'", "1901", "2026", "2155"]}
    | {f"bit({bits})": ["0", "1", "b'101'", str(2**bits - 1)] for bits in (1, 9, 64)}
    | dict.fromkeys(["date", "datetime", "datetime(3)", "datetime(6)"], _QUOTED)
    | dict.fromkeys(["timestamp NULL", "timestamp(3) NULL", "timestamp(6) NULL"], _QUOTED)
    | {"timestamp(6) NOT NULL DEFAULT '2026-01-01'": _QUOTED}
    | dict.fromkeys(["time", "time(6)"], _TIMES)
    | dict.fromkeys(
        [f"varchar(20) CHARACTER SET {name}" for name in ("latin1", "utf8mb3", "utf8mb4", "ucs2", "utf16", "sjis")],
        _TEXTS,
    )
    | dict.fromkeys(
        ["char(5) CHARACTER SET latin1", "char(5) CHARACTER SET utf8mb4", "tinytext", "text", "longtext"], _TEXTS
    )
    | {
        "enum('','a','größe','x''y','back\\\\slash')": [*_TEXTS, "0", "2"],
        "set('a','ä','x''y')": ["''", "'a'", "7", "'zz'"],
    }
    | {"json": ['\'{"a": 1.10, "ü": [null, "\\\\u0001"]}\'', "'1'", "'null'", "'\"x\"'", "'[]'"]}
    | dict.fromkeys(["binary(4)", "varbinary(10)", "tinyblob", "blob", "longblob"], _BYTES)
    | {"geometry": ["ST_PointFromText('POINT(1 2)', 4326)", "ST_GeomFromText('LINESTRING(0 0,1 1)')"]}
    | {"uuid": ["'123e4567-e89b-12d3-a456-426655440000'"], "inet6": ["'::1'", "'2001:db8::ff00:42:8329'"]}
)
_KEYS = {
    "int": ["1", "2", "3"],
    "varchar(10) CHARACTER SET latin1": ["'a'", "'A'", "'b'", "'it''s'"],
    "varchar(10) CHARACTER SET utf8mb4": [_text("ü"), _text("u"), _text("😀")],
    "char(3) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin": ["'a'", "'b'", "''"],
    "varbinary(6)": ["x'00'", "x'61'", "x'5c27'"],
    "bit(4)": ["1", "2", "3"],
    "decimal(6,2)": ["1", "1.005", "-2"],
    "datetime(6)": ["'2026-01-01'", "'2026-01-01 00:00:00.000001'"],
}
_NAMES = [
    *(
        "group",
        "select",
        "NEW",
        "size_0",
        "payload",
        "a`b",
        'q"c',
        "it's",
        "back\\slash",
        "größe",
        "№",
        "%s",
        "--x",
        "/*y*/",
        "key",
    ),
    *("w" * 60, "line\u2028end", "\x85"),
]

SETTINGS = [
    "SET sql_mode = ''",
    "SET sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,ONLY_FULL_GROUP_BY'",
    "SET sql_mode = 'TRADITIONAL,NO_BACKSLASH_ESCAPES,ANSI_QUOTES'",
    "SET sql_mode = 'PAD_CHAR_TO_FULL_LENGTH,PIPES_AS_CONCAT,IGNORE_SPACE,NO_UNSIGNED_SUBTRACTION'",
    "SET sql_mode = 'ORACLE'",
    "SET time_zone = '+05:30'",
    "SET time_zone = '-11:00'",
    # The client's own character set stays: the statements' names are in it.
    "SET collation_connection = latin1_german2_ci, character_set_results = cp1251",
    "SET collation_connection = utf8mb4_turkish_ci",
    "SET group_concat_max_len = 4, max_sort_length = 64, div_precision_increment = 0, sql_select_limit = 0",
    "SET sql_safe_updates = 1, sql_big_selects = 0, max_join_size = 1",
    "SET autocommit = 0",
    "SET timestamp = 12345",
    "SET lc_time_names = 'ja_JP', old_mode = ''",
    "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
]


@dataclass(frozen=True)
class Script:
    """A table's columns as SQL, its key, and what writers do, where `{table}` is the table."""

    columns: Sequence[tuple[str, str]]
    key: Sequence[str]
    settings: Sequence[str]
    statements: Sequence[str]

    def create(self, table: str) -> str:
        listed = ", ".join(f"{quoted(name)} {kind}" for name, kind in self.columns)
        key = ", ".join(map(quoted, self.key))
        return f"CREATE TABLE {table} ({listed}, PRIMARY KEY ({key})) ENGINE=InnoDB"


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    """A table of one or two key columns and some others, and up to fifteen statements."""
    kinds = draw(st.lists(st.sampled_from(sorted(_KEYS)), min_size=1, max_size=2))
    others = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=8))
    # Numbered: MySQL takes many names for the same.
    columns = [(f"{draw(st.sampled_from(_NAMES))[:60]}{at}", kind) for at, kind in enumerate((*kinds, *others))]
    draw(st.randoms(use_true_random=False)).shuffle(columns)
    key = [name for name, kind in columns if int(name[len(name.rstrip("0123456789")) :][-1]) < len(kinds)]
    values = {name: _KEYS[kind] if name in key else [*VALUES[kind], "NULL", "DEFAULT"] for name, kind in columns}
    return Script(
        columns=columns,
        key=key,
        settings=draw(st.lists(st.sampled_from(SETTINGS), max_size=4)),
        statements=draw(st.lists(_statements(values, key), min_size=1, max_size=15)),
    )


def _statements(values: dict[str, list[str]], key: Sequence[str]) -> st.SearchStrategy[str]:
    row = st.fixed_dictionaries({name: st.sampled_from(choices) for name, choices in values.items()})
    some = st.lists(st.sampled_from(sorted(values)), min_size=1, max_size=3, unique=True)
    changes = some.flatmap(lambda names: st.fixed_dictionaries({name: st.sampled_from(values[name]) for name in names}))
    where = st.fixed_dictionaries({name: st.sampled_from(values[name]) for name in key})
    return st.one_of(
        st.builds(
            _insert, st.sampled_from(["INSERT", "INSERT IGNORE", "REPLACE"]), st.lists(row, min_size=1, max_size=3)
        ),
        st.builds(
            lambda rows, change: f"{_insert('INSERT', rows)} ON DUPLICATE KEY UPDATE {_set(change)}",
            st.lists(row, min_size=1, max_size=2),
            changes,
        ),
        st.builds(lambda change, at: f"UPDATE {{table}} SET {_set(change)} WHERE {_where(at)}", changes, where),
        st.builds(
            lambda change: (
                f"UPDATE {{table}} SET {_set(change)} WHERE {quoted(key[0])} IS NOT NULL ORDER BY {quoted(key[0])} LIMIT 5"
            ),
            changes,
        ),
        st.builds(lambda at: f"DELETE FROM {{table}} WHERE {_where(at)}", where),
        st.sampled_from(
            ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT s", "ROLLBACK TO s", "DELETE FROM {table} WHERE 1 = 1 LIMIT 9"]
        ),
    )


def _insert(verb: str, rows: Sequence[dict[str, str]]) -> str:
    names = list(rows[0])
    values = ", ".join(f"({', '.join(row[name] for name in names)})" for row in rows)
    return f"{verb} INTO {{table}} ({', '.join(map(quoted, names))}) VALUES {values}"


def _set(change: dict[str, str]) -> str:
    return ", ".join(f"{quoted(name)} = {value}" for name, value in change.items())


def _where(at: dict[str, str]) -> str:
    return " AND ".join(f"{quoted(name)} = {value}" for name, value in at.items())
