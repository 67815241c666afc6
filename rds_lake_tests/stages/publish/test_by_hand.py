"""Publishing by hand: dates held until a person says so, and back to an older one that no run undoes."""

from datetime import UTC, date, datetime, timedelta

import pytest

from rds_lake.config.shared import Retention
from rds_lake.errors import CatalogError, PublishError
from rds_lake.model.lake.publication import State
from rds_lake.stages.lake.pointer import find_pointer, read_state
from rds_lake.stages.publish import by_hand
from rds_lake.stages.publish.move_views import Publication
from rds_lake.stages.upkeep.folders import Exports
from rds_lake.stages.upkeep.orphans import find_orphans
from rds_lake.stages.upkeep.retention import plan_retention
from rds_lake_tests.support.world import World, execute

NOW = datetime(2026, 11, 21, 7, tzinfo=UTC)


def arrive(world: World, *days: str) -> list[State]:
    """Snapshots and complete runs of the dates; what became of each."""
    found = []
    for day in days:
        world.snapshot(day)
        found.append(world.publish(day).publication.state)
    return found


def approve(world: World, day: str | None = None, *, accept_drop: bool = False) -> Publication:
    when = date.fromisoformat(day) if day else None
    return by_hand.approve(world.run().shared.publisher(NOW), when, accept_drop=accept_drop)


def roll_back(world: World, day: str) -> Publication:
    return by_hand.roll_back(world.run().shared.publisher(NOW), date.fromisoformat(day))


def shown(world: World) -> set[tuple[str | None, ...]]:
    return {
        row for view in ("orders", "order_details") for row in world.query(f"SELECT DISTINCT snapshot_date FROM {view}")
    }


def snapshots(world: World) -> list[tuple[str | None, ...]]:
    return world.query("SELECT snapshot_date, state, became_latest FROM _snapshots ORDER BY 1")


def test_a_held_date_moves_no_view_until_a_person_publishes_it(world: World) -> None:
    arrive(world, "2026-11-18")
    world.with_source(publish="manual")
    assert arrive(world, "2026-11-19", "2026-11-20") == [State.HELD, State.HELD]
    assert shown(world) == {("2026-11-18",)}
    assert snapshots(world) == [
        ("2026-11-18", "published", "true"),
        ("2026-11-19", "held", "false"),
        ("2026-11-20", "held", "false"),
    ]
    assert world.query("SELECT count(*) FROM snapshots_orders WHERE snapshot_date = '2026-11-20'") == [("10",)]
    assert approve(world, "2026-11-19").flipped
    assert shown(world) == {("2026-11-19",)}
    assert world.publish("2026-11-20").publication.state is State.HELD, "a repeated run does not publish it either"
    assert approve(world).latest == date(2026, 11, 20)
    assert shown(world) == {("2026-11-20",)}
    assert snapshots(world)[-1] == ("2026-11-20", "published", "true")
    assert approve(world, "2026-11-20").flipped == (), "repeated, it changes nothing"
    with pytest.raises(PublishError, match="no date of shop is waiting to be published; published is 2026-11-20"):
        approve(world)


@pytest.mark.exhaustive
def test_a_first_date_is_held_as_well_and_awss_copy_stays_until_it_is_published(world: World) -> None:
    world.with_source(publish="manual", retention=Retention(daily=1, weekly=0, monthly=0))
    announced: list[date] = []
    world.snapshot("2026-11-19")
    for _ in range(2):
        world.publish("2026-11-19", announce=announced.append)
    assert announced == [date(2026, 11, 19)], "however often its run is repeated, it is announced once"
    assert "orders" not in world.gateways.glue.list_tables("shop")
    arrive(world, "2026-11-20")
    lake, config, source = world.gateways.lake, world.config, world.config.sources[0]
    plan = plan_retention(lake, source, today=date(2026, 11, 21), busy=())
    assert plan.kept[date(2026, 11, 19)] == "waits to be published"
    exports = Exports.read(config, world.gateways.rds, lake.s3)
    later = datetime.now(UTC) + timedelta(days=3)
    assert find_orphans(config, source, exports, rds=world.gateways.rds, lake=lake, now=later, busy=()) == ()
    approve(world, "2026-11-20")
    assert [key for key in world.keys("exports/") if "2026-11-20" in key] == []
    assert shown(world) == {("2026-11-20",)}
    plan = plan_retention(lake, source, today=date(2026, 11, 21), busy=())
    assert [removal.snapshot_date for removal in plan.removals] == [date(2026, 11, 19)]


@pytest.mark.exhaustive
def test_awss_copy_is_not_tidied_up_while_the_published_date_lacks_files(world: World) -> None:
    world.with_source(publish="manual", keep_export=True)
    arrive(world, "2026-11-19")
    approve(world)
    world.with_source(publish="manual", keep_export=False)
    copy = world.keys("exports/")
    lost = next(key for key in world.keys("lake/shop/shop/public.orders") if key.endswith(".parquet"))
    world.clients.client("s3").delete_object(Bucket="acme-lake", Key=lost)
    with pytest.raises(PublishError, match=r"no date of shop is waiting .* 1 file .* is missing"):
        approve(world)
    assert world.keys("exports/") == copy
    world.run().relocate(date(2026, 11, 19))
    with pytest.raises(PublishError, match="no date of shop is waiting to be published; published is 2026-11-19"):
        approve(world)
    assert world.keys("exports/") == []


def test_after_a_rollback_no_run_brings_the_bad_date_back_and_the_next_date_is_published(world: World) -> None:
    arrive(world, "2026-11-18", "2026-11-19", "2026-11-20")
    assert roll_back(world, "2026-11-18").latest == date(2026, 11, 18)
    assert shown(world) == {("2026-11-18",)}
    assert snapshots(world) == [
        ("2026-11-18", "published", "true"),
        ("2026-11-19", "rolled back", "false"),
        ("2026-11-20", "rolled back", "false"),
    ]
    for day in ("2026-11-20", "2026-11-19", "2026-11-20"):
        assert world.publish(day).publication.state is State.ROLLED_BACK
    world.publish("2026-11-18")
    assert shown(world) == {("2026-11-18",)}
    world.with_source(retention=Retention(daily=1, weekly=0, monthly=0))
    plan = plan_retention(world.gateways.lake, world.config.sources[0], today=date(2026, 11, 21), busy=())
    assert plan.kept[date(2026, 11, 18)] == "published"
    assert arrive(world, "2026-11-21") == [State.PUBLISHED]
    assert shown(world) == {("2026-11-21",)}
    pointer = find_pointer(world.gateways.s3, world.gateways.layout, "shop")
    assert pointer is not None
    assert pointer.rolled_back_from is None


@pytest.mark.exhaustive
def test_a_rolled_back_date_can_be_published_again_by_hand(world: World) -> None:
    arrive(world, "2026-11-19", "2026-11-20")
    roll_back(world, "2026-11-19")
    approve(world, "2026-11-20")
    assert shown(world) == {("2026-11-20",)}
    assert snapshots(world)[-1] == ("2026-11-20", "published", "true")
    assert world.publish("2026-11-20").publication.state is State.PUBLISHED


@pytest.mark.exhaustive
def test_a_rollback_goes_to_the_raw_tables_unions_and_tables_that_date_had(world: World) -> None:
    execute(world.url, "CREATE TABLE log_01 AS SELECT 1 AS id; CREATE TABLE log_02 AS SELECT 2 AS id")
    world.with_source(union={"log": r"log_\d\d"})
    arrive(world, "2026-11-19")
    execute(
        world.url, "ALTER TABLE orders ALTER id TYPE text USING 'order ' || id; CREATE TABLE brand_new (id integer)"
    )
    execute(world.url, 'DROP TABLE "Order Details"; DROP TABLE log_02')
    arrive(world, "2026-11-20")
    assert world.query("SELECT min(id) FROM orders") == [("order 1",)]
    outcome = roll_back(world, "2026-11-19")
    assert outcome.dropped == ("brand_new",)
    assert world.query("SELECT max(id), typeof(max(id)) FROM orders") == [("10", "bigint")]
    assert world.query("SELECT count(*) FROM log") == [("2",)]
    assert shown(world) == {("2026-11-19",)}


def test_what_cannot_be_gone_back_to_is_refused_with_a_sentence_and_moves_nothing(world: World) -> None:
    with pytest.raises(PublishError, match="nothing of shop is published"):
        roll_back(world, "2026-11-19")
    arrive(world, "2026-11-19", "2026-11-20")
    world.snapshot("2026-11-18")
    world.run().accept(date(2026, 11, 18), poll_seconds=0.05)
    world.run().relocate(date(2026, 11, 18))
    refusals = {
        "2026-11-20": "published at 2026-11-20 already",
        "2026-11-21": "to go forward: rds-lake publish shop 2026-11-21",
        "2026-11-01": r"not in the lake: never exported.* Checked dates: 2026-11-20, 2026-11-19",
    }
    for day, why in refusals.items():
        with pytest.raises(PublishError, match=why):
            roll_back(world, day)
    with pytest.raises(PublishError, match="2026-11-18 is in the lake, but never passed its checks"):
        roll_back(world, "2026-11-18")
    with pytest.raises(PublishError, match="to go back: rds-lake rollback shop 2026-11-19"):
        approve(world, "2026-11-19")
    world.root.s3.delete(
        "acme-lake", [key for key in world.keys("lake/shop/") if "orders/snapshot_date=2026-11-19" in key]
    )
    with pytest.raises(PublishError, match=r"(?s)no view was moved.*shop.public.orders: Athena reads 0 rows"):
        roll_back(world, "2026-11-19")
    assert shown(world) == {("2026-11-20",)}


@pytest.mark.exhaustive
def test_a_rollback_killed_in_the_middle_is_finished_by_its_repetition(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive(world, "2026-11-19")
    execute(world.url, "CREATE TABLE brand_new (id integer)")
    arrive(world, "2026-11-20")

    class Killed(BaseException):
        pass

    def dies(*arguments: object, **named: object) -> None:
        raise Killed

    monkeypatch.setattr(type(world.gateways.glue), "delete_view", dies)
    with pytest.raises(Killed):
        roll_back(world, "2026-11-19")
    state = read_state(world.gateways.s3, world.gateways.layout, "shop")
    assert state.pointer is not None
    assert state.moving is not None
    assert (state.pointer.snapshot_date, state.moving.snapshot_date) == (date(2026, 11, 20), date(2026, 11, 19))
    monkeypatch.undo()
    assert roll_back(world, "2026-11-19").dropped == ("brand_new",)
    assert shown(world) == {("2026-11-19",)}


@pytest.mark.exhaustive
def test_a_publication_killed_before_it_removed_awss_copy_is_finished_by_the_same_command(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.with_source(publish="manual")
    arrive(world, "2026-11-19")

    class Killed(BaseException):
        pass

    def dies(*arguments: object, **named: object) -> None:
        raise Killed

    with monkeypatch.context() as killed:
        killed.setattr("rds_lake.stages.publish.cleanup.after_publish", dies)
        with pytest.raises(Killed):
            approve(world)
    assert world.keys("exports/") != []
    with pytest.raises(PublishError, match="no date of shop is waiting to be published; published is 2026-11-19"):
        approve(world)
    assert world.keys("exports/") == []
    assert shown(world) == {("2026-11-19",)}


@pytest.mark.exhaustive
def test_a_rollback_that_another_publication_overtakes_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive(world, "2026-11-19", "2026-11-20")
    world.snapshot("2026-11-21")
    publisher, athena = world.run().shared.publisher(NOW), type(world.gateways.athena)
    run_many, raced = athena.run_many, []

    def overtaken(self, statements, **arguments):
        if any("CREATE" in sql for sql in statements) and not raced:
            raced.append(True)
            world.publish("2026-11-21")
        return run_many(self, statements, **arguments)

    monkeypatch.setattr(athena, "run_many", overtaken)
    with pytest.raises(CatalogError, match="another publication of shop ran at the same time"):
        by_hand.roll_back(publisher, date(2026, 11, 19))
    assert shown(world) == {("2026-11-21",)}


@pytest.mark.exhaustive
def test_an_older_date_that_lost_rows_is_accepted_by_the_command_its_error_names_and_then_can_be_gone_back_to(
    world: World,
) -> None:
    arrive(world, "2026-11-20")
    world.snapshot("2026-11-19")
    run, day = world.run(), date(2026, 11, 19)
    run.accept(day, poll_seconds=0.05)
    run.relocate(day)
    run.shared.catalogue(day)  # its blocking check of rows ends the run here
    with pytest.raises(PublishError, match="rds-lake publish shop 2026-11-19 --accept-drop, then repeat this"):
        roll_back(world, "2026-11-19")
    with pytest.raises(PublishError, match="to go back: rds-lake rollback shop 2026-11-19"):
        approve(world, "2026-11-19")
    assert approve(world, "2026-11-19", accept_drop=True).state is State.OLDER
    assert shown(world) == {("2026-11-20",)}, "no view moves backwards by it"
    assert roll_back(world, "2026-11-19").flipped
    assert shown(world) == {("2026-11-19",)}


@pytest.mark.exhaustive
def test_an_approval_that_a_newer_date_overtakes_moves_no_view_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.with_source(publish="manual")
    arrive(world, "2026-11-19", "2026-11-20")
    check_tables, raced = by_hand.check_tables, []

    def overtaken(*arguments, **named):
        if not raced:
            raced.append(True)
            approve(world, "2026-11-20")
        return check_tables(*arguments, **named)

    monkeypatch.setattr(by_hand, "check_tables", overtaken)
    with pytest.raises(PublishError, match="published at 2026-11-20 in the meantime, which is newer than 2026-11-19"):
        approve(world, "2026-11-19")
    assert shown(world) == {("2026-11-20",)}


def test_a_date_whose_manifest_is_damaged_can_be_rolled_back_from(world: World) -> None:
    arrive(world, "2026-11-19", "2026-11-20", "2026-11-21")
    key = "lake/_manifests/shop/2026-11-21.json"
    world.clients.client("s3").put_object(Bucket="acme-lake", Key=key, Body=b"{")
    assert roll_back(world, "2026-11-20").latest == date(2026, 11, 20)
    assert shown(world) == {("2026-11-20",)}
    gateways = world.gateways
    state = read_state(gateways.lake.s3, gateways.lake.layout, "shop")
    assert state.pointer is not None
    assert (state.pointer.snapshot_date, state.moves) == (date(2026, 11, 20), ())
    assert any("2026-11-21 is rolled back, but its row" in line and key in line for line in world.lines)


def test_after_the_pointer_was_deleted_an_older_date_that_arrives_moves_no_view_back(world: World) -> None:
    arrive(world, "2026-11-20", "2026-11-21")
    world.root.s3.delete("acme-lake", ["lake/_manifests/shop/_published.json"])
    assert arrive(world, "2026-11-19") == [State.OLDER]
    assert shown(world) == {("2026-11-21",)}
    assert any("rds-lake publish shop 2026-11-21" in line for line in world.lines)
    assert approve(world, "2026-11-21").latest == date(2026, 11, 21)


def test_a_glue_database_that_was_deleted_comes_back_by_what_the_error_says(world: World) -> None:
    arrive(world, "2026-11-20")
    glue = world.clients.client("glue")
    for table in glue.get_tables(DatabaseName="shop")["TableList"]:
        glue.delete_table(DatabaseName="shop", Name=table["Name"])
    glue.delete_database(Name="shop")
    with pytest.raises(CatalogError, match="no Glue database shop; materialize `catalog` first"):
        approve(world, "2026-11-20")
    world.run().shared.catalogue(date(2026, 11, 20))
    approve(world, "2026-11-20")
    assert shown(world) == {("2026-11-20",)}
