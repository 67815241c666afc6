"""The shop in a lake: a forwarder that works by itself, snapshots, publications, live views, and what the database had at a cut."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from rds_lake.config.lake_yaml import load_config
from rds_lake.config.streams import Streams
from rds_lake.database.outbox.link import Dialect, Link
from rds_lake.database.outbox.outbox import Outbox, dialect_of
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake.model.streams.drift import Drift
from rds_lake.model.streams.event import ChangeEvent
from rds_lake.stages.streams.cuts import complete_cuts, events_of, forwarded
from rds_lake.stages.streams.forward import Forwarded, Forwarding, forward_once
from rds_lake.stages.streams.live.drift import DriftCheck
from rds_lake.stages.streams.live.follow import Brought, LiveViews
from rds_lake_tests.stages.streams.whole.shop import TABLES, Shop, State
from rds_lake_tests.stages.streams.whole.storage import take_from_storage
from rds_lake_tests.support.world import World

ROOT = Path(__file__).parents[4]
_VIEWS = {table: table.lower().replace(" ", "_") for table in TABLES}
Event = tuple[int, str, ChangeEvent]  # with its cut and table
# A broken way to read the outbox, for proving that a bar notices it.
Mutate = Callable[[Dialect], Dialect]


@dataclass(slots=True)
class Witness:
    """A forwarder's connection; the transaction that reads the outbox also tells what the tables have."""

    link: Link
    dialect: Dialect
    note: Callable[[Link], None]

    def rows(self, sql: str, args: Sequence[object] = ()) -> list[tuple]:
        rows = self.link.rows(sql, args)
        if sql == self.dialect.position:
            self.note(self.link)
        return rows

    def change(self, sql: str, args: Sequence[object] = ()) -> int:
        return self.link.change(sql, args)

    def close(self) -> None:
        self.link.close()


@dataclass(slots=True)
class Lab:
    """`forwarded`: changes so far. `seen`: what the tables had when a forwarder read the outbox, where that was asked for."""

    world: World
    shop: Shop
    mutate: Mutate = lambda dialect: dialect
    forwarded: int = 0
    seen: State = field(default_factory=dict)
    _one: Any = field(default_factory=threading.RLock)

    def forward(self, *, witness: bool = False) -> Forwarded:
        """One cut. `witness`: note what the tables have in the very transaction that reads."""
        with self._one:
            done = forward_once(self._work(witness=witness))
        self.forwarded += done.rows
        return done

    @contextmanager
    def resting(self) -> Iterator[None]:
        """The forwarder that works by itself rests; what this thread forwards is the newest cut until the block ends."""
        with self._one:
            yield

    @contextmanager
    def forwarding(self, seed: int) -> Iterator[None]:
        """A forwarder at work until the block ends; its first error is raised then."""
        stop, rnd = threading.Event(), random.Random(seed)

        def work() -> None:
            while not stop.wait(rnd.random() * 0.2):
                self.forward()

        with ThreadPoolExecutor(1) as pool:
            working = pool.submit(work)
            try:
                yield
            finally:
                stop.set()
        working.result()

    def publish(self, day: str) -> None:
        """Export and publish the day's snapshot."""
        self.world.publish(day)

    def live_views(self) -> LiveViews:
        return LiveViews(
            lake=self.world.gateways.lake, source=self.world.config.sources[0], log=self.world.lines.append
        )

    def bring_up(self) -> Brought:
        brought = self.live_views().bring_up()
        assert brought.problems == (), brought.problems
        assert brought.shown is not None
        return brought

    def drift(self, brought: Brought) -> Drift:
        """The comparison of the published snapshot with the one before it."""
        assert brought.shown is not None
        check = DriftCheck(
            lake=self.world.gateways.lake, source=self.world.config.sources[0], log=self.world.lines.append
        )
        shown = brought.shown
        found = check.check(brought.tables, brought.marks, shown.snapshot_date, shown.export_task)
        assert found is not None
        return found

    def shown(self, suffix: str = "") -> State:
        """What readers see in the tables' views, or in those with the suffix."""
        return {
            table: self.shop.rows(
                table,
                self.world.query(
                    f"SELECT {', '.join(self._text(each.name) for each in self.shop.fields(table))} FROM {view}{suffix}"
                ),
            )
            for table, view in _VIEWS.items()
        }

    def numbers(self, view: str, column: str) -> list[int]:
        return [int(str(number)) for (number,) in self.world.query(f"SELECT {column} FROM {view}")]

    def events(self) -> list[Event]:
        """All changes of final cuts, by their numbers."""
        lake = self.world.gateways.lake
        (record,) = forwarded(lake, "shop")
        found = [
            (cut.number, table.table.target.table, event)
            for cut in complete_cuts(lake, record)
            for table in cut.tables
            for event in events_of(lake, table)
        ]
        assert len({event.seq for _, _, event in found}) == len(found), "a change is there twice"
        return sorted(found, key=lambda each: each[2].seq)

    def _text(self, name: str) -> str:
        return f'CAST("{name.lower()}" AS varchar)'

    def _work(self, *, witness: bool) -> Forwarding:
        shop, dialect = self.shop, self.mutate(dialect_of(self.shop.dsn.engine))

        def note(link: Link) -> None:
            if witness:
                self.seen = shop.state(link.rows)

        @contextmanager
        def opened() -> Iterator[Outbox]:
            outbox = Outbox(
                lambda: Witness(dialect.connect(shop.dsn, dialect.home or shop.home), dialect, note), dialect
            )
            try:
                yield outbox
            finally:
                outbox.close()

        return Forwarding(
            lake=self.world.gateways.lake,
            source="shop",
            database=shop.home,
            open_outbox=opened,
            clock=lambda: datetime.now(UTC),
            new_attempt=lambda: uuid.uuid4().hex[:12],
            log=lambda _: None,
        )


@contextmanager
def open_lab(shop: Shop, directory: Path) -> Iterator[Lab]:
    """The shop, captured, behind a local cloud of its own whose snapshots are storage's."""
    shop.capture()
    with ExitStack() as stack:
        settings = ExportSettings(starting_seconds=0.0, progress_seconds=0.0)
        cloud = stack.enter_context(LocalCloud({"shop-prod": shop.urls}, exports=settings))
        take_from_storage(cloud, shop.urls)
        body = yaml.safe_load((ROOT / "lake.yaml").read_text(encoding="utf-8"))
        text = yaml.safe_dump(body | {"sources": body["sources"][:1]})
        (directory / "lake.yaml").write_text(text, encoding="utf-8")
        world = World.of(cloud, url=shop.url, config=load_config(directory / "lake.yaml"))
        schema = shop.database if shop.is_mysql else shop.schema
        names = tuple(
            f"{shop.database}.{table}" if shop.is_mysql else f"{shop.database}.{shop.schema}.{table}"
            for table in TABLES
        )
        world.with_source(default_schema=f"{shop.database}.{schema}", streams=Streams(tables=names))
        yield Lab(world=world, shop=shop)
