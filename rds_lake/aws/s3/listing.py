"""Lists a bucket as fast as S3 allows: pages of a folder one after the other, folders in parallel.

A page of 1,000 keys can be requested only after the page before it, so a million keys under one prefix take a minute with any
number of connections. But the tables of an export have their own folders: when a listing turns out to be long, the folders are
requested, and the rest is listed with one sequence of pages per table.

What belongs here: which pages are requested, so that no key is missed or reported twice. `pages.py` parses a page.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from rds_lake.aws.s3.connection import Answer
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.pages import Page, page_request, parse_page
from rds_lake.aws.s3.sign import S3Request
from rds_lake.aws.s3.wire import Wire, unanswered
from rds_lake.threads import cancelling_threads, check

Report = Callable[[Sequence[tuple[str, int]]], None]
_PAGE = 1000
_ALONE = 1  # pages listed before folders are requested: most exports have no more
_LOOSE = 10 * _PAGE  # keys beside the folders; with more, listing by folder does not help
_WITHOUT_END = 1 << 62


@dataclass(frozen=True, slots=True)
class Rest:
    """The unlisted rest of a prefix: the keys after `after`, or all keys if it is empty."""

    prefix: str
    after: str = ""
    pages: int = 0  # number of pages already reported


@dataclass(frozen=True, slots=True)
class Listing:
    """Calls `report` with every key of some prefixes of a bucket and its size; never two calls at once."""

    s3: S3Gateway
    wire: Wire | None
    threads: int
    bucket: str
    report: Report

    def whole(self, prefixes: Iterable[str]) -> None:
        """List everything under the prefixes, with keys in order within each prefix."""
        rests = [Rest(prefix) for prefix in prefixes]
        if self.wire is not None:
            rests, _ = self._chains(self.wire, rests, pages=_WITHOUT_END)
        self._by_boto3(rests)

    def by_folder(self, prefix: str, levels: int) -> None:
        """List everything under the prefix, with keys in order within each folder of this depth."""
        rests = [Rest(prefix)]
        if self.wire is not None:
            rests, long = self._chains(self.wire, rests, pages=_ALONE)
            parts = [part for rest in long for part in self._parts(self.wire, rest, levels)]
            more, _ = self._chains(self.wire, parts, pages=_WITHOUT_END)
            rests += more
        self._by_boto3(rests)

    def _chains(self, wire: Wire, rests: Sequence[Rest], *, pages: int) -> tuple[list[Rest], list[Rest]]:
        """List `pages` pages of each; returns the requests without a plain answer, and the prefixes with further pages."""
        not_plain: list[Rest] = []
        long: list[Rest] = []

        def answered(request: S3Request, answer: Answer | None) -> S3Request | None:
            rest: Rest = request.about
            page = _page(request, answer)
            if page is None:
                not_plain.append(rest)
                return None
            self.report(page.items)
            if page.token is None:
                return None
            after = page.items[-1][0] if page.items else rest.after
            rest = Rest(rest.prefix, after, rest.pages + 1)
            if rest.pages < pages:
                return page_request(self.bucket, rest.prefix, page.token, about=rest)
            long.append(rest)
            return None

        wire.send_all(
            (page_request(self.bucket, rest.prefix, after=rest.after, about=rest) for rest in rests), answered
        )
        return not_plain, long

    def _parts(self, wire: Wire, rest: Rest, levels: int) -> list[Rest]:
        """Returns the rest by folder, or the rest itself if folders do not help. Reports keys that are beside the folders."""
        folders, loose = [rest.prefix], list[tuple[str, int]]()
        for _ in range(levels):
            below = self._folders(wire, folders, loose)
            if below is None:
                return [rest]
            # A folder wholly before the last reported key has been reported.
            folders = [folder for folder in below if folder > rest.after or rest.after.startswith(folder)]
        self.report([item for item in loose if item[0] > rest.after])
        return [Rest(folder, rest.after if rest.after.startswith(folder) else "") for folder in folders]

    def _folders(self, wire: Wire, parents: Sequence[str], loose: list[tuple[str, int]]) -> list[str] | None:
        """Returns the folders in the folders, and adds the keys beside them to `loose`; None if an answer is not plain."""
        folders: list[str] = []
        broken: list[str] = []

        def answered(request: S3Request, answer: Answer | None) -> S3Request | None:
            page = _page(request, answer)
            if page is None or len(loose) > _LOOSE:
                broken.append(request.about)
                return None
            folders.extend(page.folders)
            loose.extend(page.items)
            if page.token is None:
                return None
            return page_request(self.bucket, request.about, page.token, by_folder=True, about=request.about)

        wire.send_all((page_request(self.bucket, parent, by_folder=True, about=parent) for parent in parents), answered)
        return None if broken else sorted(folders)

    def _by_boto3(self, rests: Sequence[Rest]) -> None:
        reporting = threading.Lock()

        def report_rest(rest: Rest) -> None:
            # Keys are listed in the order of their bytes: what the wire has reported is not reported again.
            items = self.s3.list_objects(self.bucket, rest.prefix, after=rest.after)
            while some := [(item.key, item.bytes) for item in islice(items, _PAGE)]:
                with reporting:
                    check()
                    self.report(some)

        with cancelling_threads(self.threads, "list") as pool:
            for _ in pool.map(report_rest, rests):
                pass


def _page(request: S3Request, answer: Answer | None) -> Page | None:
    if answer is not None and answer.status == 0:
        raise unanswered(request)
    page = parse_page(answer.body) if answer is not None and answer.status == 200 else None
    return page if page is not None and page.whole else None
