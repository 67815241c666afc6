"""Links lead to the console of the lake's own partition of AWS, and nowhere with a local cloud."""

import pytest

from rds_lake.model.aws.console import Console, console_of


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-central-1", "https://eu-central-1.console.aws.amazon.com/"),
        ("us-gov-west-1", "https://console.amazonaws-us-gov.com/"),
        ("cn-north-1", "https://console.amazonaws.cn/"),
    ],
)
def test_each_partition_of_aws_has_a_console_of_its_own(region: str, host: str) -> None:
    console = Console(region=region)
    assert console.query_editor == f"{host}athena/home?region={region}#/query-editor"
    folder = console.folder("s3://acme-lake/lake/shop/Order Details/snapshot_date=2026-11-20/")
    assert folder.startswith(f"{host}s3/buckets/acme-lake?region={region}&prefix=")
    assert folder.endswith("lake%2Fshop%2FOrder%20Details%2Fsnapshot_date%3D2026-11-20%2F")


def test_a_local_cloud_has_no_console() -> None:
    assert console_of(endpoint="http://127.0.0.1:5000", region="us-east-1") is None
    german = console_of(endpoint="https://s3.eu-central-1.amazonaws.com", region="eu-central-1")
    assert german == Console(region="eu-central-1")
    assert console_of(endpoint="https://s3.cn-north-1.amazonaws.com.cn", region="cn-north-1") is not None
