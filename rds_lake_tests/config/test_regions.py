"""A misspelt Region is seen before anything is sent to it, and a new one keeps nobody out."""

import pytest
import yaml
from botocore.session import Session

from rds_lake.config.lake_yaml import parse_config
from rds_lake.errors import ConfigError
from rds_lake_tests.config.test_problems import LAKE, SOURCES


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("eu-cental-1", "eu-central-1"),
        ("eu-central-1a", "eu-central-1"),
        ("US_EAST_1", "us-east-1"),
        ("us-est-1", "us-east-1` or `us-west-1"),
        ("us-gov-wst-1", "us-gov-west-1"),
        ("cn-nrth-1", "cn-north-1"),
        ("eusc-de-eest-1", "eusc-de-east-1"),
    ],
)
def test_a_misspelt_region_is_an_error_with_its_line_and_the_one_that_was_meant(written: str, meant: str) -> None:
    body = yaml.safe_dump({"lake": LAKE, "sources": [SOURCES["rds"]]}).replace(
        "lake:\n", f"lake:\n  region: {written}\n"
    )
    with pytest.raises(ConfigError) as caught:
        parse_config(body, where="lake.yaml")
    told = f"line 2, column 3: lake.region: '{written}' is not an AWS Region; did you mean `{meant}`?"
    assert str(caught.value).splitlines()[1:] == [f"  - {told}"]


@pytest.mark.parametrize("region", ["eu-central-9", "nz-southeast-1", "eusc-fr-west-1", "eu-central-11"])
def test_a_region_that_is_newer_than_botocore_is_taken_with_a_warning(region: str) -> None:
    config = parse_config(yaml.safe_dump({"lake": LAKE | {"region": region}, "sources": [SOURCES["rds"]]}), where="x")
    assert config.lake.region == region
    (notice,) = config.notices
    assert notice.startswith("lake.region: the installed botocore does not know this AWS Region")


def test_every_region_of_botocore_is_taken_without_a_word() -> None:
    session = Session()
    partitions = session.get_available_partitions()
    regions = [name for partition in partitions for name in session.get_available_regions("s3", partition)]
    assert len(regions) > 30
    for region in regions:
        assert not parse_config(
            yaml.safe_dump({"lake": LAKE | {"region": region}, "sources": [SOURCES["rds"]]}), where="x"
        ).notices
