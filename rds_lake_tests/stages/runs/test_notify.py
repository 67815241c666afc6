"""Failure mail: SNS accepts it whatever the error says, and a person knows what to do."""

from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.cli import main
from rds_lake.stages.runs.notify import Incident, render_incident
from rds_lake_tests.support.world import World


def test_a_mail_says_what_failed_why_and_what_to_do() -> None:
    incident = Incident(
        source="shop",
        snapshot_date="2026-11-20",
        stage="shop__parquet",
        causes=("2 of 9 objects were not relocated",),
        run="abc",
    )
    mail = render_incident(incident)
    assert mail.subject == "[rds-lake] shop 2026-11-20: shop__parquet failed"
    assert "2 of 9 objects were not relocated" in mail.body
    assert "Next step" in mail.body
    assert "abc" in mail.body


@given(source=st.text(max_size=200), stage=st.none() | st.text(max_size=200), causes=st.lists(st.text(), max_size=3))
def test_every_subject_is_one_sns_accepts(source: str, stage: str | None, causes: list[str]) -> None:
    incident = Incident(source=source, snapshot_date=None, stage=stage, causes=tuple(causes), run="r")
    subject = render_incident(incident).subject
    assert len(subject) <= 100
    assert all(" " <= character <= "~" for character in subject)


def test_the_test_message_reaches_the_topics_subscribers(world: World) -> None:
    mailbox = world.mailbox()
    result = CliRunner().invoke(
        main,
        ["notify", "--test", "--config", str(world.config.directory / "lake.yaml")],
        env={"AWS_ENDPOINT_URL": world.cloud.url, "AWS_DEFAULT_REGION": "us-east-1"},
    )
    assert result.exit_code == 0, result.output
    (mail,) = mailbox.read()
    assert "notifications arrive" in mail["Subject"]
    assert str(world.config.lake.notifications) in result.output


def test_a_lake_without_topic_says_which_key_to_add(world: World) -> None:
    path = world.config.directory / "lake.yaml"
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if "notifications" not in line))
    result = CliRunner().invoke(main, ["notify", "--test", "--config", str(path)])
    assert result.exit_code == 1
    assert "`notifications`" in result.output


def test_a_mail_of_thousands_of_problems_is_cut_and_sent(world: World) -> None:
    mailbox = world.mailbox()
    topic = world.gateways.channels.topic
    assert topic is not None
    topic.publish(subject="ü" * 200, message="problem é\n" * 100_000)
    (mail,) = mailbox.read()
    assert mail["Message"].endswith("(cut)")
