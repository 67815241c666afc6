"""A bucket says that it sends events to EventBridge, and that it does not."""

from __future__ import annotations

from rds_lake.localcloud.cloud import LocalCloud


def test_a_bucket_says_whether_it_sends_events_to_eventbridge(cloud: LocalCloud) -> None:
    s3 = cloud.clients.client("s3")
    s3.create_bucket(Bucket="told")
    assert "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(Bucket="told")
    s3.put_bucket_notification_configuration(Bucket="told", NotificationConfiguration={"EventBridgeConfiguration": {}})
    assert s3.get_bucket_notification_configuration(Bucket="told")["EventBridgeConfiguration"] == {}
    s3.put_bucket_notification_configuration(Bucket="told", NotificationConfiguration={})
    assert "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(Bucket="told")
