"""The findings on the terminal: a line for each subject without problems, a paragraph for each problem."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from rds_lake.infra.doctor.findings import Finding, Verdict

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
    """Print the table, and how many findings have each verdict. `every`: also those that passed."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for subject, grouped in groupby(findings, key=lambda finding: finding.row.subject):
        for verdict, name, text in _lines(subject, list(grouped), every=every):
            table.add_row(f"[{_STYLES[verdict]}]{verdict.value}[/]", escape(name), text)
    console.print(table, highlight=False)
    console.print(_summary(findings), highlight=False)


def _lines(subject: str, findings: list[Finding], *, every: bool) -> Iterator[tuple[Verdict, str, str]]:
    passed = [finding for finding in findings if not finding.flagged]
    if every:
        yield from ((finding.verdict, _name(finding), _text(finding)) for finding in findings)
        return
    if passed:
        rows = "row" if len(passed) == 1 else "rows"
        yield Verdict.PASS, subject, escape(f"{len(passed)} {rows}{_of(passed)}")
    shown = [finding for finding in findings if finding.flagged and finding.verdict is not Verdict.SKIPPED]
    yield from ((finding.verdict, _name(finding), _text(finding)) for finding in shown)
    # Rows that depend on the same finding are one line: the finding itself says what to do.
    skipped = [finding for finding in findings if finding.verdict is Verdict.SKIPPED]
    for why, same in groupby(skipped, key=lambda finding: finding.seen):
        names = list(dict.fromkeys(map(_name, same)))
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        yield Verdict.SKIPPED, f"{', '.join(names[:3])}{more}", escape(why)


def _of(passed: list[Finding]) -> str:
    """Returns the names of the objects, if they are few."""
    about = list(dict.fromkeys(finding.about for finding in passed if finding.about and " " not in finding.about))
    return f": {', '.join(about)}" if 0 < len(about) <= 3 else f" of {len(about)} objects" if about else ""


def _name(finding: Finding) -> str:
    return f"{finding.row.id} {finding.about}".rstrip()


def _text(finding: Finding) -> str:
    mends = " [cyan](--fix does it)[/]" if finding.fix else ""
    return escape(finding.seen) + (f"\n[bold]->[/] {escape(finding.remedy)}{mends}" if finding.remedy else "")


def _summary(findings: Sequence[Finding]) -> str:
    counts = {verdict: sum(finding.verdict is verdict for finding in findings) for verdict in Verdict}
    return ", ".join(f"[{_STYLES[verdict]}]{count} {verdict.value}[/]" for verdict, count in counts.items() if count)
