"""The changes of one key between two snapshots as a chain of images, which shows missing and rolled back changes.

    snapshot A ──> A→B ──> B→C ──> C→D ──> snapshot D        complete
    snapshot A ──> A→B ─ ✗ ─ C→D ──> snapshot D              lost: a change from B to C, or several
    snapshot A ──> A→P, then A→B ──> snapshot B              phantom: A→P was rolled back: no change begins at P, but one at A
    snapshot A ──> A→B            snapshot C                 the row is not as predicted

States are digests, 0 if there is no row. Consecutive losses are one break, so `lost` is a lower limit. A row that changes back
can hide a loss: in A→B, B→A, A→C without the second change, A→B looks rolled back.

What belongs here: the chain of one key. `sql/changes/chains.py` finds the keys to examine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

ANY_STATE = -1  # before a TRUNCATE
_LONGEST_BRIDGE = 8
_WIDEST_WINDOW = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """A change of one key. `micros`: the trigger's time in microseconds since 1970.

    `was_earlier`, `is_earlier`: the row before (after) the change equals the earlier snapshot's row; `was_later` and
    `is_later`: the later snapshot's row.
    """

    micros: int
    before: int
    after: int
    xid: int | None = None
    before_shape: int = 0
    after_shape: int = 0
    was_earlier: bool = False
    is_earlier: bool = False
    was_later: bool = False
    is_later: bool = False

    def is_followed_by(self, other: Touch) -> bool:
        """Whether the other can be the next change. Images with different columns are not compared."""
        if other.before in (ANY_STATE, self.after):
            return True
        return bool(self.after and other.before) and self.after_shape != other.before_shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The result for one key.

    `lost`: breaks between changes; `phantom`: changes that were rolled back; `unexplained`: whether the later
    snapshot's row differs.
    """

    lost: int = 0
    phantom: int = 0
    unexplained: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The times of the snapshots, in microseconds.

    Changes up to `earlier_until` may be in the earlier snapshot; changes from `later_from` on may be missing in the
    later one. `lock_wait`: the time within which changes may be in the wrong order.
    """

    earlier_until: int
    later_from: int
    lock_wait: int = 0


def audit(touches: Sequence[Touch], bounds: Bounds) -> Audit:
    """Returns the losses and phantoms in the chain of a key that has at least one change."""
    ordered = in_order(touches, bounds.lock_wait)
    begins = ordered[0].was_earlier or any(
        change.is_earlier for change in ordered if change.micros <= bounds.earlier_until
    )
    lost, phantom = 0 if begins else 1, 0
    trail: list[Touch] = []
    for touch in ordered:
        if trail and not trail[-1].is_followed_by(touch):
            undone = _undone(trail, lambda change, last: _can_follow(touch, change, last))  # noqa: B023 - called at once
            phantom += undone
            lost += not undone
            del trail[-undone if undone else 0 :]
        trail.append(touch)
    if trail[-1].is_later or any(
        change.was_later or change.is_later for change in ordered if change.micros >= bounds.later_from
    ):
        return Audit(lost=lost, phantom=phantom)
    undone = _undone(
        trail,
        lambda change, last: last is not None and last.is_later if change.before == ANY_STATE else change.was_later,
    )
    return Audit(lost=lost, phantom=phantom + undone, unexplained=not undone)


def _can_follow(touch: Touch, replaced: Touch, last: Touch | None) -> bool:
    """Whether the touch can follow `last` in place of `replaced`."""
    if replaced.before == ANY_STATE:
        return last is None or last.is_followed_by(touch)
    return touch.before == replaced.before


def _undone(trail: Sequence[Touch], goes_on: Callable[[Touch, Touch | None], bool]) -> int:
    """Returns how many changes at the end of the trail were rolled back, if the row is again as before them.

    This is one change, or several of one transaction. `goes_on`: whether a change, with the one before it in the trail,
    can be continued.
    """
    xid = trail[-1].xid
    for count in range(1, len(trail) + 1):
        touch = trail[-count]
        if count > 1 and (xid is None or touch.xid != xid):
            return 0
        if goes_on(touch, trail[-count - 1] if count < len(trail) else None):
            return count
    return 0


def in_order(touches: Sequence[Touch], lock_wait: int) -> list[Touch]:
    """Returns the changes in their order: by time, and by their images if times do not decide it."""
    ordered: list[Touch] = []
    for together in _undecided(sorted(touches, key=lambda touch: touch.micros), lock_wait):
        ordered += (
            _whole(ordered[-1:], together) or _trail(ordered[-1:], together) or _nearly(ordered, together, lock_wait)
        )
    return ordered


def _undecided(touches: Sequence[Touch], lock_wait: int) -> Iterator[list[Touch]]:
    """Yields groups of changes whose times are too close to decide their order."""
    run: list[Touch] = []
    for touch in touches:
        if run and touch.micros > run[-1].micros + lock_wait:
            yield run
            run = []
        run.append(touch)
    if run:
        yield run


def _whole(last: Sequence[Touch], touches: Sequence[Touch]) -> Sequence[Touch]:
    """Returns the changes by time if they form a chain; otherwise nothing."""
    links = pairwise([*last, *touches])
    begins = bool(last) or len(touches) == 1 or touches[0].was_earlier
    return touches if begins and all(one.is_followed_by(other) for one, other in links) else ()


def _trail(last: Sequence[Touch], touches: Sequence[Touch]) -> Sequence[Touch]:
    """Returns the changes as a chain that uses each once, if there is one (Hierholzer's algorithm); otherwise nothing."""
    start = last[0].after if last else _start(touches)
    leaving: dict[int, list[Touch]] = {}
    for touch in reversed(touches):
        leaving.setdefault(touch.before, []).append(touch)
    going: list[Touch | None] = [None]
    done: list[Touch] = []
    while going:
        here = start if going[-1] is None else going[-1].after
        if leaving.get(here):
            going.append(leaving[here].pop())
        elif (touch := going.pop()) is not None:
            done.append(touch)
    done.reverse()
    is_chain = len(done) == len(touches) and all(one.after == other.before for one, other in pairwise(done))
    return done if is_chain else ()


def _start(touches: Sequence[Touch]) -> int:
    """Returns the state with which a chain can begin: more changes begin than end with it, or it is the earlier snapshot's."""
    left = Counter(touch.before for touch in touches)
    left.subtract(touch.after for touch in touches)
    begun = [state for state, times in left.items() if times > 0]
    return begun[0] if begun else next((touch.before for touch in touches if touch.was_earlier), touches[0].before)


def _nearly(before: Sequence[Touch], touches: Sequence[Touch], lock_wait: int) -> list[Touch]:
    """Returns the changes with as few breaks as comparing only the next changes can find."""
    pending, ordered = list(touches), list(before[-1:])
    while pending:
        for touch in _next(ordered, pending, lock_wait):
            ordered.append(touch)
            pending.remove(touch)
    return ordered[len(before[-1:]) :]


def _next(ordered: Sequence[Touch], pending: Sequence[Touch], lock_wait: int) -> Sequence[Touch]:
    first = pending[0]
    if ordered and ordered[-1].is_followed_by(first):
        return [first]
    window = [touch for touch in pending[:_WIDEST_WINDOW] if touch.micros <= first.micros + lock_wait]
    if len(window) == 1:
        return window
    if ordered:
        return _bridge(ordered[-1], first, window[1:], _LONGEST_BRIDGE) or [_source(window, first)]
    return [next((touch for touch in window if touch.was_earlier), None) or _source(window, first)]


def _bridge(last: Touch, first: Touch, others: Sequence[Touch], most: int) -> Sequence[Touch]:
    """Returns later changes that fit between the two, and then `first`; nothing if there are none."""
    for at, touch in enumerate(others):
        if not last.is_followed_by(touch):
            continue
        if touch.is_followed_by(first):
            return [touch, first]
        if most > 1:
            rest = _bridge(touch, first, [*others[:at], *others[at + 1 :]], most - 1)
            if rest:
                return [touch, *rest]
    return []


def _source(window: Sequence[Touch], first: Touch) -> Touch:
    """Returns, of changes with the same time, one that follows none of the others."""
    same = [touch for touch in window if touch.micros == first.micros]
    made = {touch.after for touch in same}
    return next((touch for touch in same if touch.before not in made), first)
