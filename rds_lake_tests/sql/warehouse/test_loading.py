"""Names of tables and columns, and places in S3, are data: none of them becomes SQL of a load."""

from hypothesis import given
from hypothesis import strategies as st

from rds_lake.model.tables.table import Column
from rds_lake.model.warehouse import plan
from rds_lake.model.warehouse.orders import LoadOrder
from rds_lake.sql.quoting import identifier, redshift_literal
from rds_lake.sql.warehouse.columns import warehouse_column
from rds_lake.sql.warehouse.loading import (
    Expected,
    ExternalPartition,
    NewTable,
    render_copy_load,
    render_file_load,
    render_spectrum_load,
)
from rds_lake.sql.warehouse.pieces import Kind, pieces

HOSTILE = st.one_of(
    st.sampled_from(
        ["Order Details", 'a"b', "a'b", "a\\", "a\\'; drop table x; --", "a\nb", "--", "/*", "$$", ";", "größe"]
    ),
    st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), min_size=1, max_size=8),
)
EXPECTED = Expected(rows=1, bytes=1, files=1)
KINDS = (
    ("string", "date", "date"),
    ("string", "numeric", "decimal(38,18)"),
    ("bigint", "bigint", "bigint"),
    ("string", "text", "varchar"),
)


def read(order: LoadOrder) -> list[set[str]]:
    """The quoted names and the texts of all statements as Redshift reads them; each is one statement."""
    found = [list(pieces(sql)) for section in order.sections for sql in section.sqls]
    everything = [piece for statement in found for piece in statement]
    assert all(piece.closed for piece in everything)
    assert {piece.kind for piece in everything} <= {Kind.CODE, Kind.NAME, Kind.TEXT}
    return [{p.text for p in everything if p.kind is kind} for kind in (Kind.NAME, Kind.TEXT)]


@given(st.lists(HOSTILE, min_size=8, max_size=8), st.lists(HOSTILE, min_size=4, max_size=4, unique_by=str.lower))
def test_a_load_says_what_it_says_whatever_its_names_are(words: list[str], columns: list[str]) -> None:
    table, new, place, database, raw, key, value, schema = words
    role = "arn:aws:iam::123456789012:role/r"
    made = [
        warehouse_column(Column(name=name, hive_type=hive, original_type=word), name, presto)
        for name, (hive, word, presto) in zip(columns, KINDS, strict=True)
    ]
    filled = NewTable(name=table, beside=new, columns=made)
    partition = ExternalPartition(schema=schema, database=database, raw=raw, key=key, value=value)
    stage = [(name, "varchar(65535)") for name in columns]
    declared = tuple(plan.Column(name=name, type="date") for name in columns)
    files = plan.Files(uris=(place,), format=plan.FileFormat.CSV, columns=declared)
    for kind, order in {
        "copy": render_copy_load(filled, stage, manifest=place, role=role, expected=EXPECTED, nested=False),
        "spectrum": render_spectrum_load(filled, partition, role=role, expected=EXPECTED),
        "files": render_file_load(table, new, files, manifest=place, role=role, gzip=False, expected=EXPECTED),
    }.items():
        names, texts = read(order)
        assert {identifier(name) for name in (table, new, *columns)} <= names
        wanted = (role, database, value) if kind == "spectrum" else (role, place)
        assert {redshift_literal(text) for text in wanted} <= texts
        if kind == "spectrum":
            assert {identifier(name) for name in (schema, raw, key)} <= names
