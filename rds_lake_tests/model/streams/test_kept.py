"""Which cuts no date needs: exactly those that are inside every date's snapshot, whatever epochs and restores there were."""

from hypothesis import given
from hypothesis import strategies as st

from rds_lake.model.streams.forwarded import EpochCuts, ForwardedCuts
from rds_lake.model.streams.kept import DateCut, last_unneeded

Story = tuple[ForwardedCuts, list[DateCut]]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Epochs with some cuts, and dates at any of them, or of an epoch that the record does not know."""
    epochs = [EpochCuts(epoch=f"e{at}", cut=draw(st.integers(0, 5))) for at in range(draw(st.integers(1, 4)))]
    places = [(each.epoch, cut) for each in epochs for cut in range(each.cut + 1)] + [("unknown", 3)]
    dates = [DateCut(epoch=epoch, cut=cut) for epoch, cut in draw(st.lists(st.sampled_from(places), max_size=4))]
    return ForwardedCuts(source="shop", database="shop", epochs=tuple(epochs)), dates


@given(stories())
def test_a_cut_goes_if_and_only_if_no_date_needs_it(story: Story) -> None:
    record, dates = story
    order = [each.epoch for each in record.epochs]
    places = [(order.index(each.epoch), each.cut) for each in dates if each.epoch in order]
    last = last_unneeded(record, dates)
    for at, each in enumerate(record.epochs):
        for cut in range(1, each.cut + 1):
            # A date's live view and history begin right after its own cut, in its own epoch.
            needed = not places or any((at, cut) > place for place in places)
            newest = each == record.current and cut == each.cut
            assert (cut <= last.get(each.epoch, 0)) == (not needed and not newest)
