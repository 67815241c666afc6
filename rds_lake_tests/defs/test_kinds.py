"""Every kind of source and snapshot goes the whole way by its events: instance, cluster, AWS Backup, manual, live."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from rds_lake_tests.defs.shell import Shell
from rds_lake_tests.defs.test_runs import materialized
from rds_lake_tests.support.world import until

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)


def told(shell: Shell) -> dg.RunRequest:
    """The snapshot's event begins the export; the run that the export's own event asks for."""
    (begin,) = shell.tick()
    assert shell.run(begin).success
    (rest,) = until(shell.tick)
    return rest


def through(shell: Shell) -> dg.ExecuteInProcessResult:
    """From the snapshot's event to the end."""
    return shell.run(told(shell))


@pytest.mark.parametrize(
    ("kind", "snapshots"),
    [("automated", "automated"), ("manual", "manual"), ("awsbackup", "backup")],
)
@pytest.mark.parametrize("cluster", [False, True], ids=["instance", "cluster"])
def test_a_snapshot_of_every_kind_is_exported_once_by_its_events(
    shell: Shell, kind: str, snapshots: str, cluster: bool
) -> None:
    """AWS Backup raises events of its own beside RDS's for the very same snapshot."""
    if cluster:
        shell.world.of_cluster(snapshots)
    else:
        shell.world.with_source(snapshots=(snapshots,))
    shell.reload()
    arn = shell.world.snapshot(str(YESTERDAY), kind=kind)
    assert (":cluster-snapshot:" in arn) is cluster
    assert told(shell).tags["rds_lake/trigger"] == "settle"
    assert [task.source_arn for task in shell.world.gateways.rds.list_export_tasks()] == [arn]
    assert [*shell.tick(), *shell.tick()] == []


@pytest.mark.exhaustive
def test_a_cluster_is_published_like_an_instance(shell: Shell) -> None:
    shell.world.of_cluster("automated")
    shell.reload()
    shell.world.snapshot(str(YESTERDAY))
    assert through(shell).success
    assert shell.world.query("SELECT count(*) FROM orders") == [("10",)]


@pytest.mark.exhaustive
def test_a_failed_export_of_a_cluster_fails_with_awss_cause(shell: Shell) -> None:
    shell.world.of_cluster("automated")
    shell.reload()
    shell.world.break_next_export(fail="The role can't be assumed")
    shell.world.snapshot(str(YESTERDAY))
    result = through(shell)
    assert not result.success
    assert "The role can't be assumed" in shell.failure(result)


class TestLive:
    def begin(self, shell: Shell) -> dg.RunRequest:
        """The schedule's tick of today."""
        context = dg.build_schedule_context(
            instance=shell.instance,
            scheduled_execution_time=datetime.now(UTC),
            repository_def=shell.repository,
        )
        (request,) = shell.repository.get_schedule_def("shop__live").evaluate_tick(context).run_requests or []
        return request

    def test_a_live_cluster_is_exported_by_its_schedule_without_a_snapshot(self, shell: Shell) -> None:
        shell.world.of_cluster("live")
        shell.reload()
        request = self.begin(shell)
        assert request.partition_key == str(TODAY)
        assert shell.run(request).success
        (rest,) = until(shell.tick)
        assert rest.partition_key == str(TODAY)
        assert shell.run(rest).success
        assert shell.world.query("SELECT count(*) FROM orders") == [("10",)]
        (task,) = shell.world.gateways.rds.list_export_tasks()
        assert task.source_arn.endswith(":cluster:shop-aurora")
        assert shell.reconcile() == []

    @pytest.mark.exhaustive
    def test_a_second_run_of_the_day_pays_for_no_second_export(self, shell: Shell) -> None:
        shell.world.of_cluster("live")
        shell.reload()
        assert shell.materialize(str(TODAY)).success
        assert shell.run(self.begin(shell)).success
        assert len(shell.world.gateways.rds.list_export_tasks()) == 1

    @pytest.mark.exhaustive
    def test_an_earlier_date_says_that_only_the_present_can_be_exported(self, shell: Shell) -> None:
        shell.world.of_cluster("live")
        shell.reload()
        result = shell.materialize(str(YESTERDAY))
        assert "a live export only has the current data" in shell.failure(result)

    @pytest.mark.exhaustive
    def test_the_end_of_a_live_export_that_no_event_reported_is_found(self, shell: Shell) -> None:
        shell.world.of_cluster("live")
        shell.reload()
        assert shell.run(self.begin(shell)).success
        (rest,) = until(shell.reconcile)
        assert shell.run(rest).success


def test_a_source_without_athena_ends_at_its_parquet(shell: Shell) -> None:
    shell.world.with_source(athena=False)
    shell.reload()
    shell.world.snapshot(str(YESTERDAY))
    result = through(shell)
    assert result.success
    assert materialized(result) == ["parquet", "snapshot_export"]
    assert [*shell.tick(), *shell.reconcile()] == []


class TestSeveralSnapshotsADay:
    @pytest.mark.exhaustive
    def test_the_second_one_costs_nothing_unless_the_source_replaces(self, shell: Shell) -> None:
        shell.world.snapshot(str(YESTERDAY), hour=3)
        told(shell)
        shell.world.snapshot(str(YESTERDAY), hour=15)
        for request in shell.tick():
            assert shell.run(request).success
        assert len(shell.world.gateways.rds.list_export_tasks()) == 1

    @pytest.mark.exhaustive
    def test_a_replacing_source_publishes_the_later_one_as_a_new_generation(self, shell: Shell) -> None:
        shell.world.with_source(replace=True)
        shell.reload()
        shell.world.snapshot(str(YESTERDAY), hour=3)
        assert through(shell).success
        shell.world.snapshot(str(YESTERDAY), hour=15)
        assert through(shell).success
        assert len(shell.world.gateways.rds.list_export_tasks()) == 2
        assert shell.world.query("SELECT count(*) FROM orders") == [("10",)]
        assert shell.world.query("SELECT count(*) FROM _snapshots") == [("2",)]

    @pytest.mark.exhaustive
    def test_the_end_of_the_earlier_export_never_takes_the_later_one_back(self, shell: Shell) -> None:
        """Its event was lost for hours and comes when the later snapshot is published already."""
        world = shell.world
        world.with_source(replace=True)
        shell.reload()
        world.snapshot(str(YESTERDAY), hour=3)
        (begin,) = shell.tick()
        shell.run(begin)
        (early,) = until(shell.tick)
        world.snapshot(str(YESTERDAY), hour=15)
        assert through(shell).success
        before = world.keys("lake/_manifests/shop/")
        assert shell.run(early).success
        run = world.run()
        manifest = run.shared.manifest(YESTERDAY)
        assert manifest.export.snapshot_time.hour == 15
        assert world.keys("lake/_manifests/shop/") == before

    @pytest.mark.exhaustive
    def test_which_first_keeps_to_the_first(self, shell: Shell) -> None:
        shell.world.with_source(which="first")
        shell.reload()
        first = shell.world.snapshot(str(YESTERDAY), hour=3, event=False)
        shell.world.snapshot(str(YESTERDAY), hour=15, event=False)
        assert shell.materialize(str(YESTERDAY)).success
        assert [task.source_arn for task in shell.world.gateways.rds.list_export_tasks()] == [first]
