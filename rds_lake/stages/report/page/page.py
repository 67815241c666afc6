"""The whole page: what a person has to do, all sources in a table, then each source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rds_lake.stages.report.page import words
from rds_lake.stages.report.page.html import Html, document, element, joined, prose, table
from rds_lake.stages.report.page.source_part import anchor, source_part
from rds_lake.stages.report.page.style import STYLE
from rds_lake.stages.report.values import LakeReport, MonthCost, Need, SourceReport
from rds_lake.stages.watch.sentences import span

_TABLES = 2000  # on the whole page
_NEEDS = 100
_NOT_ASKED = "Dagster was not asked, so failed runs and checks are not listed: DAGSTER_HOME is not set."


def render_page(report: LakeReport) -> str:
    """Returns the page as the text of one file."""
    most = _most_tables(report.sources)
    title = f"Report of {report.lake}"
    body = joined(
        [
            element("h1", title),
            element("p", f"{report.now:%Y-%m-%d %H:%M} UTC", klass="soft"),
            _needs(report),
            _overview(report),
            *(source_part(source, most_tables=most) for source in report.sources),
            _costs(report.costs),
            element("footer", *(element("p", line, klass="soft") for line in _footer(report))),
        ]
    )
    return document(title, STYLE, body)


def _most_tables(sources: Sequence[SourceReport]) -> int:
    """Returns how many tables of each source are shown: all, if the page can hold them."""
    every = [len(source.tables.figures) for source in sources]
    return max(every, default=0) if sum(every) <= _TABLES else _TABLES // len(every)


def _needs(report: LakeReport) -> Html:
    needs, others = report.needs, [element("li", problem) for problem in report.problems]
    if not needs and not others:
        return element("div", element("h2", "Nothing needs a person"), klass="needs fine")
    some = "1 thing needs a person" if len(needs) == 1 else f"{len(needs):,} things need a person"
    title = some if needs else "Nothing needs a person, as far as could be read"
    left = [element("li", f"… and {len(needs) - _NEEDS:,} more, below")] if len(needs) > _NEEDS else []
    items = element("ul", *map(_need, needs[:_NEEDS]), *left, *others)
    return element("div", element("h2", title), items, klass="needs")


def _need(need: Need) -> Html:
    source = element("a", element("b", need.source), href=f"#{anchor(need.source)}")
    remedy = joined([" → ", element("code", need.remedy)]) if need.remedy else ""
    return element("li", source, " ", prose(need.sentence), remedy)


def _overview(report: LakeReport) -> Html:
    heads = ["Source", "Readers see", "Age", "Tables", "Rows", "Size", "Growth", "Dates", "Needs"]
    rows = (list(_row(source, report)) for source in report.sources)
    return table(heads, rows, cards=True, numbers=frozenset({3, 4, 5, 7, 8}))


def _row(source: SourceReport, report: LakeReport) -> Iterator[str]:
    yield element("a", source.source, href=f"#{anchor(source.source)}")
    state = source.status
    if state is None:
        yield element("span", "could not be read", klass="bad")
        yield from [words.NONE] * 6
    else:
        age = state.age(report.now)
        yield str(state.published) if state.published else "nothing is published"
        shown = words.NONE if age is None else span(age)
        yield element("span", f"{shown} STALE", klass="bad") if source.is_stale else shown
        yield words.count(len(state.tables))
        yield words.count(sum(figures.rows for figures in state.tables))
        yield words.size(sum(figures.bytes for figures in state.tables))
        yield words.grown(source.growth)
        yield words.count(len(source.dates))
    yield element("span", str(len(source.needs)), klass="bad") if source.needs else "0"


def _costs(costs: Sequence[MonthCost]) -> Html:
    if not any(cost.usd is not None for cost in costs):
        return Html()
    rows = ([words.month(cost.month), words.count(cost.exports), words.usd(cost.usd)] for cost in costs)
    return joined(
        [
            element("h2", "Cost by month, all sources"),
            table(["Month", "Dates in the lake", "Exports, about"], rows, numbers=frozenset({1, 2})),
            element(
                "p",
                "Estimates: each date in the lake is counted with the cost of the published date's export, at the prices in "
                "lake.yaml. Dates that retention removed, storage, requests and queries are not included.",
                klass="soft",
            ),
        ]
    )


def _footer(report: LakeReport) -> Iterator[str]:
    if not report.asked_dagster:
        yield _NOT_ASKED
    yield "Made by rds-lake report. What each sentence means and what to do: docs/operations.md of rds-lake."
