"""From messages to runs: each event asks for the right run, once, however often and in whatever order it comes."""

import json
from dataclasses import replace
from datetime import date

import pytest

from rds_lake.aws.sqs import QueueMessage
from rds_lake.config.lake_yaml import first_date
from rds_lake.errors import AwsError, ManifestError, ThrottledError
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake.model.aws.arn import Exportable
from rds_lake.stages.databases.plan import export_plans
from rds_lake.stages.watch.events import EventPlan, EventPlanner
from rds_lake_tests.support.world import World, until

TODAY = date(2026, 11, 21)


def planner(world: World) -> EventPlanner:
    return EventPlanner(
        rds=world.gateways.rds,
        plans=export_plans(world.config),
        first_dates={source.name: first_date(world.config, source) for source in world.config.sources},
        today=lambda: TODAY,
    )


def message(body: str, number: int = 0) -> QueueMessage:
    return QueueMessage(message_id=f"m{number}", receipt_handle=f"h{number}", body=body)


def event(event_id: str, arn: str) -> str:
    detail = {
        "SourceType": "SNAPSHOT",
        "SourceArn": arn,
        "EventID": event_id,
        "SourceIdentifier": arn.split(":snapshot:")[1],
    }
    return json.dumps({"source": "aws.rds", "detail-type": "RDS DB Snapshot Event", "detail": detail})


def plan(world: World, *bodies: str) -> EventPlan:
    return planner(world).plan([message(body, number) for number, body in enumerate(bodies)])


def test_a_snapshot_event_as_the_cloud_sends_it_asks_for_the_export_only(world: World) -> None:
    arn = world.snapshot("2026-11-20")
    (run,) = plan(world, *map(json.dumps, world.messages())).runs
    assert (run.trigger, run.whole_source, run.snapshot_date) == ("begin", False, date(2026, 11, 20))
    assert run.subject == arn


def test_the_same_event_three_times_is_one_run_and_all_three_are_acknowledged(world: World) -> None:
    body = event("RDS-EVENT-0091", world.snapshot("2026-11-20"))
    made = plan(world, body, body, body)
    assert len(made.runs) == 1
    assert made.handled == ("h0", "h1", "h2")
    assert plan(world, body).runs[0].key == made.runs[0].key, "a redelivery has the same run key"


def test_the_end_of_our_export_asks_for_the_whole_source(world: World) -> None:
    arn = world.snapshot("2026-11-20")
    task = world.run().accept(date(2026, 11, 20), poll_seconds=0.05).record.export_task
    (run,) = plan(world, event("RDS-EVENT-0161", arn)).runs
    assert (run.trigger, run.whole_source, run.export_task) == ("settle", True, task)


@pytest.mark.exhaustive
def test_a_failed_export_asks_for_the_export_only_which_then_fails_with_the_cause(world: World) -> None:
    arn = world.snapshot("2026-11-20")
    world.break_next_export(fail="boom")
    task = world.run().begin(date(2026, 11, 20))
    assert task is not None
    until(lambda: not world.gateways.rds.find_export_task(task.identifier).status.running)  # type: ignore[union-attr]
    (run,) = plan(world, event("RDS-EVENT-0159", arn)).runs
    assert (run.trigger, run.whole_source) == ("settle", False)


def test_an_end_of_an_export_we_did_not_start_is_acknowledged_without_a_run(world: World) -> None:
    arn = world.snapshot("2026-11-20")
    world.root.rds.start_export(
        identifier="somebody-elses",
        source_arn=arn,
        bucket="acme-lake",
        prefix="elsewhere",
        role=world.run().plan.role,
        kms_key="alias/rds-lake",
        include=(),
    )
    made = plan(world, event("RDS-EVENT-0161", arn))
    assert (made.runs, made.handled) == ((), ("h0",))


@pytest.mark.exhaustive
def test_an_end_that_comes_before_the_api_knows_it_is_left_for_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.cloud.exports, "_settings", ExportSettings(starting_seconds=1.0))
    arn = world.snapshot("2026-11-20")
    world.run().begin(date(2026, 11, 20))
    made = plan(world, event("RDS-EVENT-0161", arn))
    assert (made.runs, made.handled) == ((), ())


@pytest.mark.exhaustive
def test_an_event_of_shop_2_is_not_one_of_shop(world: World) -> None:
    """The instance `shop-prod-2` has the source's identifier as its prefix."""
    rds = world.clients.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier="shop-prod-2",
        DBInstanceClass="db.t3.micro",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="u",
        MasterUserPassword="not-a-secret",
    )
    rds.create_db_snapshot(DBInstanceIdentifier="shop-prod-2", DBSnapshotIdentifier="shop-prod-2-snap")
    arn = "arn:aws:rds:us-east-1:123456789012:snapshot:shop-prod-2-snap"
    made = plan(world, event("RDS-EVENT-0042", arn))
    assert (made.runs, made.handled) == ((), ("h0",))
    assert "shop-prod-2, which is not a source" in made.notes[0]


@pytest.mark.exhaustive
def test_a_manual_snapshot_is_acknowledged_when_the_source_takes_only_automated_ones(world: World) -> None:
    arn = world.snapshot("2026-11-20", kind="manual")
    assert (plan(world, event("RDS-EVENT-0042", arn)).runs, len(world.lines)) == ((), 0)
    world.with_source(snapshots=("automated", "manual"))
    assert len(plan(world, event("RDS-EVENT-0042", arn)).runs) == 1


@pytest.mark.exhaustive
def test_a_snapshot_already_gone_is_acknowledged(world: World) -> None:
    arn = "arn:aws:rds:us-east-1:123456789012:snapshot:rds:shop-prod-2026-11-20-03-00"
    assert plan(world, event("RDS-EVENT-0091", arn)).handled == ("h0",)


def test_malformed_messages_are_left_to_the_dead_letter_queue_and_foreign_ones_are_not(world: World) -> None:
    good = event("RDS-EVENT-0091", world.snapshot("2026-11-20"))
    made = plan(world, "not json", '{"source": "aws.ec2"}', good, event("RDS-EVENT-0091", "arn:aws:rds:x:1:snapshot:"))
    assert made.handled == ("h1", "h2")
    assert len(made.runs) == 1
    assert any("malformed" in note for note in made.notes)


@pytest.mark.exhaustive
def test_dates_without_a_partition_never_fail_the_tick(world: World) -> None:
    before = event("RDS-EVENT-0091", world.snapshot("2025-12-31"))
    ahead = event("RDS-EVENT-0091", world.snapshot("2026-11-22"))
    made = plan(world, before, ahead)
    assert (made.runs, made.handled) == ((), ("h0",)), "one from the future waits, one from before is acknowledged"


@pytest.mark.exhaustive
def test_a_throttled_lookup_leaves_its_message_and_not_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = world.snapshot("2026-11-19"), world.snapshot("2026-11-20")
    real = world.gateways.rds.find_snapshot

    def sometimes(about: Exportable, reference: str) -> object:
        if reference == first:
            raise ThrottledError("Rate exceeded")
        return real(about, reference)

    monkeypatch.setattr(world.gateways.rds, "find_snapshot", sometimes)
    made = plan(world, event("RDS-EVENT-0091", first), event("RDS-EVENT-0091", second))
    assert made.handled == ("h1",)
    assert [run.subject for run in made.runs] == [second]


@pytest.mark.parametrize(
    "refusal",
    [
        AwsError(service="rds", operation="DescribeDBSnapshots", code="AccessDenied", message="not authorized"),
        ManifestError("s3://acme-lake/lake/_jobs/shop/x.runs is damaged"),
        KeyError("SnapshotCreateTime"),
    ],
    ids=["refused", "damaged", "unforeseen"],
)
def test_one_event_that_cannot_be_decided_is_named_and_every_other_one_is_decided(
    world: World, monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    """The tick that failed would put every good message nearer to the dead-letter queue, and get none of them on."""
    first, second = world.snapshot("2026-11-19"), world.snapshot("2026-11-20")
    real = world.gateways.rds.find_snapshot

    def sometimes(about: Exportable, reference: str) -> object:
        if reference == first:
            raise refusal
        return real(about, reference)

    monkeypatch.setattr(world.gateways.rds, "find_snapshot", sometimes)
    made = plan(world, event("RDS-EVENT-0091", first), event("RDS-EVENT-0091", second))
    assert made.handled == ("h1",)
    assert [run.subject for run in made.runs] == [second]
    (problem,) = made.problems
    assert "m0" in problem
    assert str(refusal) in problem


@pytest.mark.exhaustive
def test_an_ended_export_of_a_date_this_clock_has_not_reached_waits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster has no partition for it: one such request fails the tick, and with it every other run."""
    early, late = world.snapshot("2026-11-19"), world.snapshot("2026-11-20")
    for day in (19, 20):
        world.run().accept(date(2026, 11, day), poll_seconds=0.05)
    made = replace(planner(world), today=lambda: date(2026, 11, 19)).plan(
        [message(event("RDS-EVENT-0161", late), 0), message(event("RDS-EVENT-0161", early), 1)]
    )
    assert [run.snapshot_date.day for run in made.runs] == [19]
    assert made.handled == ("h1",)


@pytest.mark.exhaustive
def test_an_export_that_another_run_takes_over_is_acknowledged_without_a_second_run(world: World) -> None:
    arn = world.snapshot("2026-11-20")
    task = world.run().accept(date(2026, 11, 20), poll_seconds=0.05).record.export_task
    watched = replace(planner(world), is_taken_over=lambda run: run.export_task == task)
    made = watched.plan([message(event("RDS-EVENT-0161", arn))])
    assert (made.runs, made.handled) == ((), ("h0",))


@pytest.mark.exhaustive
def test_what_a_tick_has_no_time_for_stays_in_the_queue(world: World) -> None:
    body = event("RDS-EVENT-0091", world.snapshot("2026-11-20"))
    seconds = iter([False, True])
    hurried = replace(planner(world), is_late=lambda: next(seconds))
    made = hurried.plan(
        [
            message(body, 0),
            message(event("RDS-EVENT-0091", "arn:aws:rds:us-east-1:123456789012:snapshot:other"), 1),
            message(body, 2),
        ]
    )
    assert [run.snapshot_date.day for run in made.runs] == [20]
    assert made.handled == ("h0", "h2"), "what is decided already costs no time"
