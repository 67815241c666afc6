"""The page says what the report has: names stay text, figures stay readable, and nothing is fetched."""

from __future__ import annotations

import re
from datetime import date, timedelta
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from rds_lake.config.shared import Retention
from rds_lake.model.lake.retention import keep
from rds_lake.stages.report.page.html import prose
from rds_lake.stages.report.page.page import render_page
from rds_lake.stages.report.page.plots import plot, thinned
from rds_lake.stages.report.page.source_part import shown_dates
from rds_lake.stages.report.page.words import size
from rds_lake.stages.report.upcoming import missing_days, next_retention
from rds_lake_tests.stages.report.samples import TODAY, made_report, made_source, with_problems

MEGABYTES_2 = 2_000_000


class _Read(HTMLParser):
    """Elements and text of a page, as a browser takes them."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


PLAIN = _Read(render_page(with_problems(made_report(sources=2, tables=2, dates=5, name="x"))))
# What no document may hold, and line ends, which a browser makes one.
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</style><b>",
        "&lt;",
        "`",
        "a`<i>`b",
        "&#x3c;script>",
    ]
)


@given(names)
def test_whatever_a_table_is_called_is_text_and_no_element(name: str) -> None:
    read = _Read(render_page(with_problems(made_report(sources=2, tables=2, dates=5, name=name))))
    assert [tag for tag, _ in read.elements if tag != "code"] == [tag for tag, _ in PLAIN.elements if tag != "code"]
    assert [sorted(attrs) for _, attrs in read.elements if "data-name" in attrs] == [
        sorted(attrs) for _, attrs in PLAIN.elements if "data-name" in attrs
    ]
    assert f"shop.public.{name}_1" in read.text


@given(names)
def test_code_between_backticks_is_marked_and_nothing_is_lost(name: str) -> None:
    read = _Read(prose(f"`{name}` of <b>"))
    assert read.text.replace("`", "") == f"{name} of <b>".replace("`", "")
    assert {tag for tag, _ in read.elements} <= {"code"}


def test_nothing_is_fetched_from_anywhere() -> None:
    page = render_page(with_problems(made_report()))
    for tag, attributes in _Read(page).elements:
        assert tag not in ("script", "link", "img", "iframe", "object", "embed", "base", "form"), tag
        assert "src" not in attributes and not any(key.startswith("on") for key in attributes)
        assert (attributes.get("href") or "#").startswith("#")
    rules = [attributes["content"] for _, attributes in _Read(page).elements if "http-equiv" in attributes]
    assert rules == ["default-src 'none'; style-src 'unsafe-inline'"]
    assert not re.search(r"url\(|@import", page)


def test_what_needs_a_person_stands_before_everything_else() -> None:
    text = _Read(render_page(with_problems(made_report()))).text
    assert (
        text.index("4 things need a person") < text.index("could not be read: s3 GetObject") < text.index("Readers see")
    )
    assert "Nothing needs a person" in render_page(made_report())


def test_forty_sources_of_twenty_tables_and_four_hundred_dates_stay_under_two_megabytes() -> None:
    """Fails without the limit of listed dates (`NEWEST_DATES`)."""
    page = render_page(made_report(sources=40, tables=20, dates=400, name="customer_order_positions_by_region"))
    assert len(page.encode()) <= MEGABYTES_2
    assert page.count("<svg") == 80
    assert page.count("shop.public.customer_order_positions_by_region_19<") == 40


def test_a_page_of_too_many_tables_or_dates_says_what_it_leaves_out() -> None:
    page = render_page(made_report(sources=3, tables=900, dates=2000))
    assert len(page.encode()) <= MEGABYTES_2
    assert page.count("and 234 smaller tables: rds-lake status shop") == 3
    assert re.search(r"\d+ of 2,000 dates: the newest, then one a month", page)


def test_every_month_keeps_a_date_in_the_table() -> None:
    dates = made_source("shop", 1, 400, "x").dates
    shown = shown_dates(dates)
    assert [one.snapshot_date for one in shown] == sorted({one.snapshot_date for one in shown}, reverse=True)
    assert {one.snapshot_date.replace(day=1) for one in shown} == {one.snapshot_date.replace(day=1) for one in dates}
    assert set(dates[-60:]) <= set(shown)


@given(st.lists(st.integers(0, 1 << 50), min_size=2, max_size=2000), st.integers(3, 400))
def test_a_plot_of_many_dates_keeps_its_ends_and_says_the_extremes_in_words(values: list[int], most: int) -> None:
    points = [(TODAY - timedelta(days=len(values) - at), value) for at, value in enumerate(values)]
    kept = thinned(points, most)
    assert len(kept) <= max(most, 2) and (kept[0], kept[-1]) == (points[0], points[-1])
    assert list(kept) == sorted(set(kept))
    (said,) = {
        attributes["aria-label"] for tag, attributes in _Read(plot("Rows", points, str)).elements if tag == "svg"
    }
    assert f"{values[-1]} on {points[-1][0]}; at most {max(values)}, at least {min(values)}" in (said or "")


def test_one_peak_among_many_dates_is_seen() -> None:
    points = [(TODAY - timedelta(days=2000 - at), 1_000_000 if at == 1234 else 5) for at in range(2000)]
    assert points[1234] in thinned(points)


def test_sizes_are_in_the_units_of_status() -> None:
    from rich.filesize import decimal

    for bytes in (0, 1, 999, 1000, 1234, 999_949, 1_500_000, 3_000_000_000_000, 7 * 10**15):
        assert size(bytes) == decimal(bytes)


@given(
    st.sets(st.dates(TODAY - timedelta(days=200), TODAY), max_size=80),
    st.builds(Retention, daily=st.integers(1, 20), weekly=st.integers(0, 8), monthly=st.integers(0, 12)),
)
def test_what_retention_removes_next_is_what_it_does_not_keep(days: set[date], retention: Retention) -> None:
    needed = {max(days)} if days else set[date]()
    found = next_retention(sorted(days), retention, today=TODAY, needed=needed)
    assert found is not None
    assert set(found.due) == days - set(keep(days, retention, TODAY))
    if found.then is not None and found.on is not None:
        coming = [TODAY + timedelta(days=n + 1) for n in range((found.on - TODAY).days)]
        assert found.then not in keep([*days, *coming], retention, found.on)
        assert set(days) <= {*keep([*days, *coming[:-1]], retention, found.on - timedelta(days=1)), *needed}


@given(st.sets(st.dates(TODAY - timedelta(days=100), TODAY), min_size=1, max_size=60), st.integers(1, 20))
def test_no_date_that_retention_removed_passes_for_a_missing_one(days: set[date], daily: int) -> None:
    retention = Retention(daily=daily, weekly=0, monthly=0)
    kept = sorted(keep(days, retention, TODAY))
    assert not set(missing_days(kept, retention)) & days
