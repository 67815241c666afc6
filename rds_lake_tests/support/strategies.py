"""Hypothesis strategies for everything that comes from outside. A new kind of name or column is added here."""

from hypothesis import strategies as st

from rds_lake.model.tables.table import TableTarget

NASTY = (
    'a"; DROP TABLE x; --',
    "Order Details",
    "select",
    "ünïcödé",
    "日本",
    "a.b",
    "a'b",
    "back`tick",
    "per%cent",
    "'; --",
    'say "hi"',
    "\\",
    "_",
    "0",
)

# Any text PostgreSQL could hold as an identifier: no NUL, not empty, at most 63 bytes.
identifiers = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), min_size=1, max_size=15),
)
plain_names = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
# Columns also of the names rds-lake gives itself; `\x7f` and a line break have to survive YAML.
column_names = st.one_of(
    identifiers,
    st.sampled_from(
        ["snapshot_date", "Snapshot_Date", "snapshot date", "lake_snapshot_date", "a b", "a_b", "A_b", "\x7f\n'\"\\"]
    ),
)
targets = st.builds(
    TableTarget, database=plain_names, schema=st.one_of(plain_names, st.just("Sales Dept")), table=identifiers
)
snapshot_names = st.one_of(
    st.from_regex(r"rds:[a-z][a-z0-9-]{0,40}-2026-11-20-05-06", fullmatch=True),
    st.from_regex(r"awsbackup:job-[0-9a-f]{8}-[0-9a-f]{4}", fullmatch=True),
    st.text(min_size=1, max_size=300),
)
arns = snapshot_names.map(lambda name: f"arn:aws:rds:us-east-1:123456789012:snapshot:{name}")
include = st.lists(st.from_regex(r"[a-z]{1,5}(\.[a-z]{1,5}){0,2}", fullmatch=True), max_size=4)
