"""Messages about failures, by SNS and a webhook, with the cause and the next step.

What belongs here: the text, and who gets it. Sending is `aws/sns.py` and `webhook.py`; when to send is `defs/sensors/failures.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from rds_lake.aws.sns import SnsGateway, legal_subject
from rds_lake.errors import UnavailableError
from rds_lake.stages.runs.webhook import Webhook

_RUN_AGAIN = (
    "Remove the cause above, then materialize this date of the source again in Dagster: finished work is not repeated, and you do "
    "not pay for a finished export again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A run that failed. `causes` are the failing steps' messages.

    `what` and `next_step`, if no stage failed: what happened, and what to do about it. `run`: its id, or its page
    (`run_page`).
    """

    source: str
    snapshot_date: str | None
    stage: str | None
    causes: tuple[str, ...]
    run: str
    what: str | None = None
    next_step: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Subject and body, within the limits of SNS."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """Where messages are sent: the lake's topic, its webhook, both, or neither."""

    topic: SnsGateway | None
    webhook: Webhook | None

    def __bool__(self) -> bool:
        return self.topic is not None or self.webhook is not None

    def send(self, mail: Mail, *, warn: Callable[[str], None]) -> None:
        """Sends the message to all channels.

        If the webhook fails, `warn` gets the reason and sending continues. Errors of SNS are raised.
        """
        if self.webhook is not None:
            try:
                self.webhook.publish(subject=mail.subject, message=mail.body)
            except UnavailableError as error:
                warn(str(error))
        if self.topic is not None:
            self.topic.publish(subject=mail.subject, message=mail.body)


def run_page(dagster_url: str | None, run_id: str) -> str:
    """Returns the URL of a run in Dagster's UI, or the run's id if lake.yaml has no `dagster_url`."""
    return f"{dagster_url.rstrip('/')}/runs/{run_id}" if dagster_url else run_id


def render_incident(incident: Incident) -> Mail:
    """Returns the message for one incident: what failed, why, what to do, and that nothing wrong was published."""
    about = f"{incident.source} {incident.snapshot_date or ''}".strip()
    what = incident.what or f"{incident.stage or 'run'} failed"
    subject = f"[rds-lake] {about}: {what}"
    causes = "\n".join(incident.causes) or "Dagster recorded no cause; open the run."
    body = (
        f"Source:        {incident.source}\n"
        f"Snapshot date: {incident.snapshot_date or 'none'}\n"
        f"Stage:         {incident.stage or 'unknown'}\n"
        f"Dagster run:   {incident.run}\n\n"
        f"Cause\n{causes}\n\n"
        "Next step\n"
        f"{incident.next_step or _RUN_AGAIN}\n"
        "No view was moved by this run unless its publishing step succeeded; readers still see the last "
        "published date.\n"
    )
    return Mail(subject=legal_subject(subject), body=body)


def render_over(source: str, what: str, cause: str) -> Mail:
    """The message that an incident ended."""
    return Mail(
        subject=legal_subject(f"[rds-lake] {source}: {what}"),
        body=f"Source:        {source}\n\nThe incident is over\n{cause}\n",
    )


def render_held(source: str, day: date) -> Mail:
    """The message for a date that is held by `publish: manual`."""
    return Mail(
        subject=legal_subject(f"[rds-lake] {source} {day}: waits to be published"),
        body=(
            f"{source} {day} is in the lake and passed its checks. `publish: manual` holds it: no view was moved, readers "
            "still see the last published date.\n\n"
            "Next step\n"
            f'Look at it: rds-lake query "SELECT ..." --source {source} --as-of {day}\n'
            f"Publish it: rds-lake publish {source} {day}\n"
            f"or in Dagster: materialize {source}/publish_approval, alone, for {day}.\n"
        ),
    )


TEST = Mail(
    subject="[rds-lake] test: notifications arrive",
    body="This is `rds-lake notify --test`. Failed runs, stuck exports and stale sources are reported like this.\n",
)
