"""A query reads the partitions its conditions allow, and never leaves out a row it asked for."""

import pytest

from rds_lake_tests.localcloud.athena.conftest import Lake

ONE, TWO, ALL = 1, 2, 4


@pytest.mark.parametrize(
    ("where", "partitions"),
    [
        ("day = '2026-01-02'", ONE),
        ("'2026-01-02' = day", ONE),
        ("day IN ('2026-01-01', '2026-01-04') AND n > 0", TWO),
        ("day = '2026-01-01' OR day = '2026-01-02'", TWO),
        ("day >= '2026-01-03'", TWO),
        ("day BETWEEN '2026-01-02' AND '2026-01-03'", TWO),
        ("(n >= 0 AND (day < '2026-01-02'))", ONE),
        ("day = '2026-01-02' OR n = 1", ALL),
        ("day <> '2026-01-02'", ALL),
        ("day = s", ALL),
        ("NOT day = '2026-01-02'", ALL),
    ],
)
def test_conditions_on_the_key_choose_partitions(days: Lake, where: str, partitions: int) -> None:
    every = days.scanned("SELECT sum(n) FROM t")
    scanned = days.scanned(f"SELECT sum(n) FROM t WHERE {where}")
    assert abs(scanned * ALL - every * partitions) < every * 0.05
    expected = days.run(f"SELECT count(*), sum(n) FROM (SELECT n, s, day || '' AS day FROM t) AS u WHERE {where}")
    assert days.run(f"SELECT count(*), sum(n) FROM t WHERE {where}") == expected


D = "'2026-01-02'"


@pytest.mark.parametrize(
    ("sql", "partitions"),
    [
        (f"SELECT sum(n) FROM v WHERE day = {D}", ONE),
        (f"SELECT sum(m) FROM w WHERE d = {D}", ONE),
        (f"SELECT sum(x.n) FROM t AS x WHERE x.day = {D}", ONE),
        (f"WITH q AS (SELECT n, day FROM t) SELECT sum(n) FROM q WHERE day = {D}", ONE),
        (f"WITH q AS (SELECT n, day FROM t) SELECT sum(a.n) FROM q a JOIN q b ON a.n = b.n WHERE a.day = {D}", ALL),
        (f"SELECT sum(n) FROM (SELECT n, day FROM t UNION ALL SELECT n, day FROM t) AS u WHERE day = {D}", TWO),
        (f"SELECT n FROM (SELECT n, day FROM t ORDER BY n LIMIT 2000) AS u WHERE day = {D}", ALL),
        (f"SELECT c FROM (SELECT day, count(*) AS c FROM t GROUP BY day) AS u WHERE day = {D}", ALL),
        (f"SELECT r FROM (SELECT day, sum(n) OVER (ORDER BY n) AS r FROM t) AS u WHERE day = {D}", ALL),
        (f"SELECT sum(a.n) FROM t a LEFT JOIN other b ON a.n = b.n AND b.day = {D} WHERE a.day = {D}", ONE + ALL),
        (f"SELECT sum(a.n) FROM t a JOIN other b ON a.n = b.n AND b.day = {D} WHERE a.day = {D}", TWO),
        (f"SELECT count(b.n) FROM t a LEFT JOIN other b ON a.n = b.n WHERE b.day = {D}", ONE + ALL),
        (f"SELECT sum(n) FROM t WHERE n IN (SELECT n FROM other WHERE day = {D})", ONE + ALL),
        (f"SELECT sum(n) FROM t WHERE day = {D} AND n > (SELECT min(n) FROM other)", ONE + ALL),
    ],
)
def test_conditions_go_down_as_far_as_the_answer_stays_the_same(days: Lake, sql: str, partitions: int) -> None:
    days.run("CREATE VIEW v AS SELECT n, day FROM t")
    days.run("CREATE VIEW w AS SELECT n AS m, day AS d FROM v")
    listed = days.client("s3")
    fetched: list[str] = []
    listed.meta.events.register(
        "before-call.s3.ListObjectsV2", lambda params, **_: fetched.append(params["query_string"]["prefix"]), "seen"
    )
    try:
        pruned = days.run(sql)
    finally:
        listed.meta.events.unregister("before-call.s3.ListObjectsV2", unique_id="seen")
    assert len(fetched) == partitions, fetched
    # The same query over a key no condition can be traced to.
    for name in ("t", "other"):
        days.run(f"CREATE VIEW free_{name} AS SELECT n, s, day || '' AS day FROM {name}")
    untraced = sql.replace("FROM v", "FROM (SELECT * FROM free_t) AS v").replace("FROM t", "FROM free_t")
    untraced = untraced.replace("JOIN other", "JOIN free_other").replace("FROM other", "FROM free_other")
    if "FROM w" not in sql:
        assert sorted(days.run(untraced)) == sorted(pruned)


def test_keys_that_are_no_text_are_compared_as_what_they_are(lake: Lake) -> None:
    import pyarrow as pa

    lake.create("t", "n bigint", keys="hour int; day date")
    for hour, day in (("2", "2026-01-01"), ("10", "2026-01-02")):
        lake.put(f"t/{hour}/{day}/f.parquet", n=pa.array([int(hour)], pa.int64()))
        lake.add("t", [hour, day], "n bigint")
    assert lake.run("SELECT n FROM t WHERE hour > 9") == [("10",)]
    assert lake.run("SELECT n FROM t WHERE hour < 10") == [("2",)]
    assert lake.run("SELECT n FROM t WHERE day <= DATE '2026-01-01'") == [("2",)]


def test_bytes_scanned_count_the_columns_a_query_needs(days: Lake) -> None:
    days.run("CREATE VIEW v AS SELECT n, s, day FROM t")
    both, one = days.scanned("SELECT n, s FROM t"), days.scanned("SELECT s FROM t")
    assert 0 < one < both == days.scanned("SELECT * FROM t")
    assert days.scanned("SELECT s FROM v") == one, "through a view as well"
    assert days.scanned("SELECT count(*) FROM t") == 0
