"""A lake with views of `diff_views:` that two actors meet in: `lab.py`, and which dates these views compare.

| morning | besides those of `lab.py` |
|---|---|
| `ahead` | the third date is published, compared with the first; the second one is exported only |
| `unmade` | `published`, and somebody dropped the view `orders_diff` |

The name `order_details_diff` is a person's view in all of them.

What belongs here: these states and pairs, and what must hold of views that compare dates.
"""

import json
from dataclasses import dataclass
from datetime import date

from rds_lake_tests.turnstile.actors import NOON, Work, prune, retention, roll_back, settle, tail
from rds_lake_tests.turnstile.lab import FIRST, SECOND, THIRD, Lab, Start, objects, published
from rds_lake_tests.turnstile.pairs import Make, Pair

_VIEW, _FOREIGN = "orders_diff", "order_details_diff"


@dataclass(slots=True)
class DiffLab(Lab):
    """One world and its mornings."""

    def prepare(self) -> None:
        world = self.world
        world.with_source(
            keys={"orders": ("id",), "order_details": ("OrderID",)}, diff_views=("orders", "order_details")
        )
        world.clients.client("glue").create_database(DatabaseInput={"Name": self.source})
        world.root.athena.run(f"CREATE VIEW {_FOREIGN} AS SELECT 1 AS of_a_person", database=self.source)
        Lab.prepare(self)
        self.begin("early")
        run, day = world.run(), date.fromisoformat(THIRD)
        run.accept(day, export_task=self.tasks[THIRD])
        run.relocate(day)
        run.shared.catalogue(day)
        run.shared.publish(day, now=NOON)
        self._keep("ahead")
        assert self.compared() == {_VIEW: (FIRST, THIRD)}
        self.begin("published")
        assert self.compared() == {_VIEW: (SECOND, THIRD)}
        world.root.glue.delete_view(self.source, _VIEW)
        self._keep("unmade")

    def compared(self) -> dict[str, tuple[str, str]]:
        """The dates that each view of ours compares."""
        return {name: (sides[0][1], sides[1][1]) for name, sides in self.sides().items() if len(sides) == 2}

    def missing_rows(self) -> list[str]:
        found = Lab.missing_rows(self)
        for view, sides in self.sides().items():
            for raw, day in sides:
                rows = self.rows_at(raw, day)
                if rows not in self.right_rows("orders", day):
                    found.append(f"{view} reads {rows} rows of {day}")
        if _FOREIGN not in self.sides() or self.sides()[_FOREIGN]:
            found.append("the person's view is gone")
        return found

    def mixed(self) -> list[str]:
        """Also views that compare others than the published date with the date before it."""
        pointer, shown = published(self.source), self.compared().get(_VIEW)
        wanted = None if pointer is None else self._before(pointer)
        problems = Lab.mixed(self)
        if wanted in self.in_use("work") and (shown is None or shown[1] == pointer):
            # The run of the date before was killed when it had listed the date and moved nothing yet: the check
            # `diff_views_are_made` says so, and the run's repetition moves the view.
            return problems
        if shown is None and wanted is not None and not self._said():
            problems.append(f"{_VIEW} is not there, and should compare {pointer} with {wanted}")
        if shown is not None and shown != (wanted, pointer):
            problems.append(f"{_VIEW} compares {shown}, published is {pointer} and the date before it {wanted}")
        return problems

    def _before(self, pointer: str) -> str | None:
        """The newest earlier date that passed its checks and was not rolled back."""
        head = f"lake/_manifests/{self.source}/"
        state = json.loads(objects()[f"{head}_published.json"].value)
        given_up = {day for day in self.days if pointer < day <= (state.get("rolled_back_from") or pointer)}
        given_up |= set(state.get("rolled_back", ()))
        rows = {key.rpartition("/")[2][:10] for key in objects() if key.startswith(f"lake/_snapshots/{self.source}/")}
        days = [day for day in self.days if day in rows and f"{head}{day}.json" in objects()]
        return max((day for day in days if day < pointer and day not in given_up), default=None)

    def _said(self) -> bool:
        """Whether the record says why the view is not there: its earlier date is being removed, say."""
        record = objects().get(f"lake/_manifests/{self.source}/_diff_views.json")
        return record is not None and any(_VIEW in problem for problem in json.loads(record.value)["problems"])


def _run(day: str, name: str | None = None) -> Make:
    return lambda tasks: settle(day, tasks[name or day])


def _just(work: Work) -> Make:
    return lambda _: work


def _pair(name: str, start: Start, one: Make, other: Make, *, ends_at: str | None = None) -> Pair:
    return Pair(name=f"diff.{name}", start=start, one=one, other=other, ends_at=ends_at)


_RUN, _LATER, _OTHER = _run(THIRD), _run(THIRD, "later"), _run(SECOND)
_BACK_ONE, _BACK_TWO = _just(roll_back(SECOND)), _just(roll_back(FIRST))
_RETENTION = _just(retention("2026-11-21"))

DIFF_PAIRS: dict[str, Pair] = {
    pair.name: pair
    for pair in (
        _pair("run-other", "early", _RUN, _OTHER, ends_at=THIRD),
        _pair("other-rollback", "ahead", _OTHER, _BACK_TWO),
        _pair("other-replace", "ahead", _OTHER, _LATER, ends_at=THIRD),
        _pair("other-retention", "ahead", _OTHER, _RETENTION, ends_at=THIRD),
        _pair("republish-rollback", "unmade", _just(tail(THIRD)), _BACK_ONE),
        _pair("republish-republish", "unmade", _just(tail(THIRD)), _just(tail(THIRD)), ends_at=THIRD),
        _pair("run-rollback", "exported", _RUN, _BACK_TWO),
        _pair("replace-rollback", "published", _LATER, _BACK_ONE),
        _pair("rollback-rollback", "published", _BACK_TWO, _BACK_ONE),
        _pair("rollback-retention", "published", _BACK_ONE, _RETENTION),
        _pair("run-prune", "exported", _RUN, _just(prune), ends_at=THIRD),
    )
}
