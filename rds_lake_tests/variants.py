"""Which variants of a test `make test` runs, where each variant repeats one sentence for another engine, lake, fault or signal.

The other variants run with `make test-exhaustive`. Of a story, which is a test that needs a server, `make test` tells the first
variant where nothing is said here; any other test that is not named here runs in all its variants.
"""

from __future__ import annotations

from collections.abc import Iterable

# Every type of every engine is a promise of its own: here all variants of a story are told.
EVERY_VARIANT = ("pull/test_postgres_types.py", "stages/types/")

# By file and test: the variants that `make test` runs have one of these texts in their names.
KEPT: dict[str, dict[str, tuple[str, ...]]] = {
    "aws/s3/test_faulty_s3.py": {
        "test_a_faulty_s3_costs_time_and_no_file": ("cut=0.05",),  # all faults at once
        "test_copies_that_s3_lost_or_shortened_are_named_and_made_again_by_the_next_attempt": ("lost",),
    },
    "defs/checks/test_schema_changes.py": {
        "test_the_check_is_as_grave_as_what_it_means_for_readers_and_stops_nothing": ("snapshots_a_b__v2",),
    },
    "infra/stack/test_deployer.py": {
        "test_the_printed_policy_creates_changes_and_deletes_all_of_a_stack": ("all",),
    },
    "infra/stack/test_template_text.py": {
        "test_what_was_printed_is_read_back": ("all", "rds"),
    },
    "infra/template/test_deployed.py": {
        "test_every_lakes_stack_is_created_and_deleted_and_its_buckets_stay": ("all", "rds"),
    },
    "localcloud/test_up.py": {
        "test_a_signal_stops_it_without_trace": ("15",),
    },
    "stages/databases/relocation/test_resumed.py": {
        "test_a_death_before_any_write_changes_nothing_in_the_end": ("1-SystemExit", "4-KeyboardInterrupt"),
    },
    "stages/dynamodb/test_glue.py": {
        "test_a_run_of_ours_that_is_killed_between_any_two_writes_costs_no_second_run_of_glue": ("False",),
        "test_a_run_that_dies_is_reported_with_its_id_and_its_words": ("FAILED",),
    },
    "stages/dynamodb/test_two_at_once.py": {
        "test_a_conversion_beside_one_that_was_faster_leaves_its_rows_to_readers": ("/lake/reviews/Reviews/",),
    },
    "stages/streams/collecting/test_arrived.py": {
        "test_a_clean_way_raises_no_alarm_and_live_is_the_table": ("postgres",),
    },
    "stages/streams/live/test_whole_way.py": {
        "test_a_restored_database_that_gives_its_ids_again_is_refused_until_a_new_epoch_begins": ("postgres",),
        "test_a_value_over_the_limit_is_null_with_its_name_no_drift_and_the_next_snapshot_has_it": ("mysql",),
    },
    "stages/streams/test_forward.py": {
        "test_eight_writers_lose_nothing_and_double_nothing": ("postgres",),
    },
    "stages/streams/test_killed.py": {
        "test_a_forwarder_killed_after_any_step_loses_and_doubles_nothing": ("postgres",),
    },
    "stages/test_faults_of_a_lake.py": {
        "test_with_a_clock_days_off_nothing_is_removed_and_the_message_says_to_set_the_clock": ("-3",),
    },
    "stages/warehouse/standing/test_killed.py": {
        "test_a_reaper_that_is_killed_at_any_call_is_followed_by_one_that_ends_it": ("serverless",),
        "test_after_a_death_one_expired_lease_is_reaped_and_nothing_is_left": ("cluster",),
    },
    # Two runs, a run and a rollback, a run and a removal.
    "turnstile/test_publications.py": {
        "test_whoever_meets_whom_readers_end_at_one_whole_date": (
            "run-other-1000",
            "run-replace-1000",
            "run-rollback-1000",
        ),
    },
    "turnstile/test_removals.py": {
        "test_whoever_meets_a_removal_readers_end_at_one_whole_date": ("run-prune-1000", "rollback-retention-1000"),
    },
}


# Files of which `make test` runs nothing, and which file shows every day what they try in every place, or for minutes.
SHOWN_BY = {
    "console/readers/test_mysql_values.py": "console/readers/test_ddl.py",
    "console/readers/test_postgres_values.py": "console/readers/test_ddl.py",
    "convert/test_compiled_memory.py": "convert/test_compiled.py",
    "convert/test_spark.py": "convert/test_round_trip.py",
    "console/dbt/test_large.py": "console/dbt/test_sources.py",
    "database/capture/mysql/test_random.py": "database/capture/mysql/test_writers.py",
    "defs/processes/test_daemon.py": "demo/test_commands.py",
    "defs/processes/test_storm.py": "demo/test_commands.py",
    "defs/processes/test_warehouse.py": "defs/warehouse/test_runs.py",
    "defs/sensors/test_crowd.py": "defs/sensors/test_reconciliation.py",
    "defs/warehouse/test_bad_weather.py": "stages/warehouse/standing/test_weather.py",
    "defs/warehouse/test_sigkill.py": "stages/warehouse/standing/test_killed.py",
    "deploy/test_processes.py": "deploy/test_instances.py",
    "docs/test_site.py": "docs/test_reference.py",
    "docs/test_story.py": "docs/test_snippets.py",
    "localcloud/redshift/test_tpch.py": "localcloud/redshift/test_semantics.py",
    "model/permissions/test_second_evaluator.py": "model/permissions/test_decisions.py",
    "pull/test_mysql_limits.py": "pull/test_mysql_and_dynamodb.py",
    "permissions/test_locked_out.py": "localcloud/permissions/test_whole_date.py",
    "permissions/test_replay.py": "localcloud/permissions/test_whole_date.py",
    "stages/catalogue/test_two_at_once.py": "stages/catalogue/test_sync.py",
    "stages/crashes/test_by_hand.py": "stages/crashes/test_moments.py",
    "stages/crashes/test_crashes.py": "stages/crashes/test_moments.py",
    "stages/crashes/test_diff_views.py": "stages/crashes/test_moments.py",
    "stages/crashes/test_dynamodb.py": "stages/crashes/test_moments.py",
    "stages/crashes/test_evolution.py": "stages/crashes/test_moments.py",
    "stages/diff/test_before.py": "stages/diff/test_views_of_dynamodb.py",
    "stages/diff/test_views.py": "stages/diff/test_views_of_dynamodb.py",
    "stages/diff/test_views_of_odd_tables.py": "defs/checks/test_diff_views.py",
    "stages/streams/collecting/test_lambda_story.py": "examples/test_streams_flights.py",
    "stages/streams/whole/test_mysql.py": "stages/streams/test_story.py",
    "stages/test_calls.py": "stages/catalogue/test_sync.py",
    "stages/streams/whole/test_two_at_once.py": "stages/streams/test_forward.py",
    "stages/streams/whole/test_whole.py": "stages/streams/test_story.py",
    "turnstile/test_dynamo.py": "stages/dynamodb/test_two_at_once.py",
    "turnstile/test_diff_views.py": "turnstile/test_publications.py",
}


def further_variants(tests: Iterable[tuple[str, bool]]) -> set[str]:
    """Which of the tests `make test` leaves out since it runs other variants of them.

    `tests`: such as `stages/test_calls.py::test_x[mysql]`, and whether it is a story.
    """
    told: set[str] = set()
    further: set[str] = set()
    for node, is_story in tests:
        test, _, variant = node.partition("[")
        file, _, name = test.partition("::")
        kept = KEPT.get(file, {}).get(name)
        if kept is not None:
            is_further = not any(text in variant for text in kept)
        else:
            is_further = is_story and test in told and not file.startswith(EVERY_VARIANT)
        told.add(test)
        if is_further:
            further.add(node)
    return further
