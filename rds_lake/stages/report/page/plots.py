"""A line chart over dates as inline SVG; the same data is also in words and in a table.

The SVG has only shapes and is stretched to its place; text would be too small on a phone, so it is HTML around the SVG.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from itertools import pairwise

from rds_lake.stages.report.page.html import Html, element

_WIDTH, _HEIGHT = 600, 100
POINTS = 400  # more would not be seen


def plot(name: str, points: Sequence[tuple[date, int]], shown: Callable[[int], str]) -> Html:
    """Returns the chart of the values by date, from zero up; empty for fewer than two. `shown` formats a value."""
    if len(points) < 2:
        return Html()
    days, values = [day for day, _ in points], [value for _, value in points]
    said = (
        f"{name}: {shown(values[0])} on {days[0]}, {shown(values[-1])} on {days[-1]}; "
        f"at most {shown(max(values))}, at least {shown(min(values))}"
    )
    line = _line(thinned(points))
    # The title is shown as a tooltip, and read by screen readers.
    picture = element(
        "svg",
        element("title", said),
        element("path", d=f"{line}L{_WIDTH} {_HEIGHT}L0 {_HEIGHT}Z", klass="area"),
        element("path", d=line, klass="line"),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=said,
    )
    return element(
        "figure",
        element(
            "figcaption",
            element("b", name),
            " ",
            shown(values[-1]),
            Html(" <small>"),
            f"most {shown(max(values))}",
            Html("</small>"),
        ),
        picture,
        element("div", element("span", str(days[0])), element("span", str(days[-1])), klass="ends"),
    )


def thinned(points: Sequence[tuple[date, int]], most: int = POINTS) -> Sequence[tuple[date, int]]:
    """Returns at most `most` points: among neighbours the one farthest from the average, to keep peaks; both ends stay."""
    if len(points) <= most:
        return points
    average = sum(value for _, value in points) / len(points)
    inner, groups = points[1:-1], most - 2
    edges = [round(at * len(inner) / groups) for at in range(groups + 1)]
    kept = [max(inner[start:end], key=lambda point: abs(point[1] - average)) for start, end in pairwise(edges)]
    return [points[0], *kept, points[-1]]


def _line(points: Sequence[tuple[date, int]]) -> str:
    first, most = points[0][0], max(value for _, value in points) or 1
    days = (points[-1][0] - first).days or 1
    places = [
        f"{_short((day - first).days / days * _WIDTH)} {_short(_HEIGHT - value / most * (_HEIGHT - 4))}"
        for day, value in points
    ]
    return "M" + "L".join(places)


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
