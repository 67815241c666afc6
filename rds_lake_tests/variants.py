"""Which variants of a test `make test` runs, where each variant repeats one sentence for another engine, lake, fault or signal.

The other variants run with `make test-exhaustive`. A test that is not named here runs in all its variants.
"""

from __future__ import annotations

# By file and test: the variants that `make test` runs have one of these texts in their names. No text: what is named beside it
# says the same.
KEPT: dict[str, dict[str, tuple[str, ...]]] = {
    "aws/s3/test_faulty_s3.py": {
        "test_copies_that_s3_lost_or_shortened_are_named_and_made_again_by_the_next_attempt": ("lost",),
    },
    "console/test_broken_environments.py": {
        "test_a_database_that_cannot_be_reached_is_no_local_cloud": ("postgresql",),
    },
    "defs/checks/test_schema_changes.py": {
        "test_the_check_is_as_grave_as_what_it_means_for_readers_and_stops_nothing": ("1 widened", "snapshots_a_b__v2"),
    },
    # `make check` does it.
    "defs/test_graph.py": {
        "test_dagsters_own_validation_of_the_workspace_passes": (),
    },
    # localcloud/test_up.py: the same for SIGTERM, and for a port in use.
    "demo/test_commands.py": {
        "test_a_second_cloud_on_the_same_port_says_so": (),
        "test_the_local_cloud_starts_with_the_shop_and_stops_without_trace": ("2",),
    },
    "infra/stack/test_deployer.py": {
        "test_the_printed_policy_creates_changes_and_deletes_all_of_a_stack": ("all", "rds"),
    },
    "infra/stack/test_template_text.py": {
        "test_what_was_printed_is_read_back": ("all", "rds"),
    },
    "infra/template/test_deployed.py": {
        "test_every_lakes_stack_is_created_and_deleted_and_its_buckets_stay": ("all", "rds"),
    },
    "infra/template/test_forwarder.py": {
        "test_each_right_of_the_role_is_needed_and_without_it_the_changes_stay": ("s3:PutObject",),
    },
    "infra/template/test_linters.py": {
        "test_cfn_lint_has_nothing_to_say_in_any_partition_not_even_advice": ("all", "existing key"),
    },
    # test_embedded.py says it of PostgreSQL.
    "localcloud/databases/test_mariadb.py": {
        "test_a_program_that_forgets_to_stop_it_leaves_no_trace_either": (),
    },
    "localcloud/redshift/test_tpch.py": {
        "test_all_queries_have_postgresqls_answers": ("pq",),
    },
    "localcloud/test_up.py": {
        "test_a_signal_stops_it_without_trace": ("15",),
    },
    "stages/databases/relocation/test_resumed.py": {
        "test_a_death_before_any_write_changes_nothing_in_the_end": ("1-SystemExit", "4-KeyboardInterrupt"),
    },
    "stages/databases/test_foreign_databases.py": {
        "test_include_of_mysql_completes_in_its_own_words": ("include0-None", "include1-mariadb"),
    },
    "stages/dynamodb/test_glue.py": {
        "test_a_run_of_ours_that_is_killed_between_any_two_writes_costs_no_second_run_of_glue": ("False",),
        "test_a_run_that_dies_is_told_with_its_id_and_its_words": ("FAILED",),
    },
    "stages/dynamodb/test_two_at_once.py": {
        "test_a_conversion_beside_one_that_was_faster_leaves_its_rows_to_readers": ("/lake/reviews/Reviews/",),
    },
    "stages/streams/collecting/test_arrived.py": {
        "test_a_clean_way_raises_no_alarm_and_live_is_the_table": ("postgres",),
        "test_every_loss_that_changes_a_row_is_named_and_of_the_others_nearly_all": ("postgres",),
    },
    "stages/streams/collecting/test_lambda_story.py": {
        "test_live_views_follow_the_table_and_the_next_snapshot_has_nothing_to_say": ("postgres",),
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
        "test_a_forwarder_killed_while_it_makes_good_for_a_killed_one_loses_and_doubles_nothing": ("postgres",),
    },
    "stages/streams/whole/test_two_at_once.py": {
        "test_whoever_is_at_work_beside_a_turn_live_views_end_where_the_database_is": ("take_turn",),
    },
    "stages/test_faults_of_a_lake.py": {
        "test_a_storm_without_end_says_what_was_throttled_and_moves_no_view": ("s3",),
        "test_with_a_clock_days_off_nothing_is_removed_and_the_message_says_to_set_the_clock": ("-3",),
    },
    "stages/warehouse/standing/test_killed.py": {
        "test_a_reaper_that_is_killed_at_any_call_is_followed_by_one_that_ends_it": ("serverless",),
        "test_after_a_death_one_expired_lease_is_reaped_and_nothing_is_left": ("cluster",),
    },
}


def is_left_out(node: str) -> bool:
    """Whether `make test` runs other variants of this test instead. `node`: `stages/test_calls.py::test_x[mysql]`."""
    file, _, test = node.partition("::")
    name, _, variant = test.partition("[")
    kept = KEPT.get(file, {}).get(name)
    return kept is not None and not any(text in variant for text in kept)
