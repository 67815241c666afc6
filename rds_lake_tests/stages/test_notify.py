"""Failure mail: SNS accepts it whatever the error says, and a person knows what to do."""

from hypothesis import given
from hypothesis import strategies as st

from rds_lake.stages.notify import Incident, render_incident


def test_a_mail_says_what_failed_why_and_what_to_do() -> None:
    incident = Incident(
        source="shop",
        snapshot_date="2026-11-20",
        stage="shop__parquet",
        causes=("2 of 9 objects were not relocated",),
        run_id="abc",
    )
    mail = render_incident(incident)
    assert mail.subject == "[rds-lake] shop 2026-11-20: shop__parquet failed"
    assert "2 of 9 objects were not relocated" in mail.body
    assert "Next step" in mail.body
    assert "abc" in mail.body


@given(source=st.text(max_size=200), stage=st.none() | st.text(max_size=200), causes=st.lists(st.text(), max_size=3))
def test_every_subject_is_one_sns_accepts(source: str, stage: str | None, causes: list[str]) -> None:
    incident = Incident(source=source, snapshot_date=None, stage=stage, causes=tuple(causes), run_id="r")
    subject = render_incident(incident).subject
    assert len(subject) <= 100
    assert all(" " <= character <= "~" for character in subject)
