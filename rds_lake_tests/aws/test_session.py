"""What is wrong with a person's profile is said as what it is, with where to correct it."""

from pathlib import Path

import boto3
import pytest

from rds_lake.aws.session import open_clients
from rds_lake.aws.translate import aws_errors
from rds_lake.errors import ConfigError

_ROLE = "role_arn = arn:aws:iam::123456789012:role/x"


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file for the one profile `p`, which is the shell's."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "p")
    return tmp_path / "config"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("credential_process = /nonexistent/tool", "No such file or directory: '/nonexistent/tool'"),
        ("credential_process = /bin/false", "retrieving credentials from custom-process"),
        ("credential_process = /bin/echo hello", "`credential_process` does not print JSON"),
        (f"{_ROLE}\nsource_profile = missing", 'source_profile "missing"'),
        (f"{_ROLE}\nsource_profile = p", "Infinite loop"),
        (f"{_ROLE}\ncredential_source = Nope", '"Nope"'),
        ("aws_access_key_id = A", "missing: aws_secret_access_key"),
    ],
)
def test_a_profile_that_cannot_be_used_is_reported_with_where_to_correct_it(
    lines: str, said: str, profile: Path
) -> None:
    profile.write_text(f"[profile p]\nregion = us-east-1\n{lines}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        open_clients(region=None)
    assert said in str(caught.value)
    assert "~/.aws/config" in str(caught.value)
    assert "AWS_ENDPOINT_URL" not in str(caught.value) and "region" not in str(caught.value)


def test_a_web_identitys_token_that_is_not_there_is_no_mystery(profile: Path) -> None:
    profile.write_text(
        f"[profile p]\nregion = us-east-1\n{_ROLE}\nweb_identity_token_file = /nonexistent/token\n", encoding="utf-8"
    )
    sts = boto3.Session().client("sts")
    with pytest.raises(ConfigError, match="'/nonexistent/token'; correct that"), aws_errors("sts", "GetCallerIdentity"):
        sts.get_caller_identity()
