"""The findings on the terminal: a line for each subject without problems, a paragraph for each problem."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from rds_lake.infra.doctor.findings import Finding, Key, Verdict
from rds_lake.model.words import counted

_STYLES = {
    Verdict.PASS: "green",
    Verdict.WARN: "yellow",
    Verdict.FAIL: "bold red",
    Verdict.UNKNOWN: "magenta",
    Verdict.SKIPPED: "dim",
}


def progress(console: Console) -> Progress:
    """A progress bar that disappears at the end."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=console, transient=True)


def show(findings: Sequence[Finding], console: Console, *, every: bool) -> None:
    """Print the table, and how many findings have each verdict. `every`: each row, also those that passed."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for verdict, name, text in _every(findings) if every else _short(findings):
        table.add_row(f"[{_STYLES[verdict]}]{verdict.value}[/]", escape(name), text)
    console.print(table, highlight=False)
    console.print(_summary(findings), highlight=False)


def _every(findings: Sequence[Finding]) -> Iterator[tuple[Verdict, str, str]]:
    yield from ((finding.verdict, _name(finding), _text(finding)) for finding in findings)


def _short(findings: Sequence[Finding]) -> Iterator[tuple[Verdict, str, str]]:
    """Yields a line for the passed rows of each subject, each finding with a remedy, then rows that were not examined."""
    for subject, grouped in groupby(findings, key=lambda finding: finding.row.subject):
        of_subject = list(grouped)
        if passed := [finding for finding in of_subject if not finding.flagged]:
            rows = "row" if len(passed) == 1 else "rows"
            yield Verdict.PASS, subject, escape(f"{len(passed)} {rows}{_of(passed)}")
        shown = [finding for finding in of_subject if finding.flagged and finding.verdict is not Verdict.SKIPPED]
        yield from ((finding.verdict, _name(finding), _text(finding)) for finding in shown)
    yield from _not_looked_at(findings)


def _not_looked_at(findings: Sequence[Finding]) -> Iterator[tuple[Verdict, str, str]]:
    """Yields one line for all rows that depend on the same finding, directly or not: that finding says what to do."""
    by_key = {finding.key: finding for finding in findings}

    def cause(each: Finding) -> Finding:
        before = (by_key[key] for key in each.depends_on if key in by_key and by_key[key].verdict.blocks)
        first = next(before, None)
        return cause(first) if first else each

    groups: dict[Key, list[Finding]] = {}
    for finding in findings:
        if finding.verdict is Verdict.SKIPPED:
            groups.setdefault(cause(finding).key, []).append(finding)
    for key, same in groups.items():
        names = list(dict.fromkeys(map(_name, same)))
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        why = same[0].seen if same[0].key == key else f"{_name(by_key[key])} comes first"
        yield Verdict.SKIPPED, f"{', '.join(names[:3])}{more}", escape(why)


def _of(passed: list[Finding]) -> str:
    """Returns the names of the objects, if they are few."""
    about = list(dict.fromkeys(finding.about for finding in passed if finding.about and " " not in finding.about))
    return f": {', '.join(about)}" if 0 < len(about) <= 3 else f" of {counted(len(about), 'object')}" if about else ""


def _name(finding: Finding) -> str:
    return f"{finding.row.id} {finding.about}".rstrip()


def _text(finding: Finding) -> str:
    mends = " [cyan](--fix does it)[/]" if finding.fix else ""
    return escape(finding.seen) + (f"\n[bold]->[/] {escape(finding.remedy)}{mends}" if finding.remedy else "")


def _summary(findings: Sequence[Finding]) -> str:
    counts = {verdict: sum(finding.verdict is verdict for finding in findings) for verdict in Verdict}
    return ", ".join(f"[{_STYLES[verdict]}]{count} {verdict.value}[/]" for verdict, count in counts.items() if count)
