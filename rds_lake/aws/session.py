"""Opens boto3's session from the environment, and checks that AWS can be reached with it.

What belongs here: errors of the user's environment that are found before the first call, one sentence each. Clients are created
in `clients.py`.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from json import JSONDecodeError
from urllib.parse import urlsplit
from urllib.request import getproxies

from botocore.exceptions import BotoCoreError, InvalidRegionError, NoRegionError, ProfileNotFound

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.translate import PROFILE_ADVICE
from rds_lake.errors import ConfigError, UnavailableError

_CONNECT_SECONDS = 5.0
_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


def open_clients(*, region: str | None, hurried: bool = False) -> AwsClients:
    """Returns clients with the profile, credentials, Region and endpoint that boto3 finds; `region` overrides the session's.

    `hurried`: as in `AwsClients`. ConfigError if profile, Region or endpoint cannot be used, UnavailableError if nothing
    answers at the endpoint: boto3 alone would try for a minute first. Makes no call of AWS.
    """
    import boto3  # imported here: it takes a tenth of a second, and some processes never call AWS

    try:
        session = boto3.Session()
        probe = session.client("s3", region_name=region)
    except (BotoCoreError, OSError, ValueError) as error:
        raise _unusable(error) from error
    if session.region_name is None and region is None:
        # Without a Region, S3 would work, and all other services would fail later.
        raise ConfigError(
            "no AWS Region is set: set `region` under `lake:` in lake.yaml, or AWS_REGION, or a region in ~/.aws/config"
        )
    _require_answer(probe.meta.endpoint_url, probe.meta.region_name, getproxies())
    return AwsClients(session, region=region, hurried=hurried)


def _unusable(error: BotoCoreError | OSError | ValueError) -> ConfigError:
    """Returns boto3's error when it creates a client, and where to correct it. OSError: a `credential_process` cannot be started."""
    match error:
        case NoRegionError() | InvalidRegionError():
            return ConfigError(f"{error} Set `region` under `lake:` in lake.yaml, or AWS_REGION")
        case ProfileNotFound():
            return ConfigError(f"{error}: AWS_PROFILE must name a profile of ~/.aws/config")
        case JSONDecodeError():
            return ConfigError(f"the profile's `credential_process` does not print JSON ({error}); {PROFILE_ADVICE}")
        case BotoCoreError() | OSError():
            return ConfigError(f"AWS credentials cannot be used: {str(error).rstrip('.: ')}; {PROFILE_ADVICE}")
        case _:  # the endpoint is not a URL
            return ConfigError(f"{error}: correct AWS_ENDPOINT_URL, or unset it for AWS itself")


def _require_answer(endpoint: str, region: str, proxies: Mapping[str, str]) -> None:
    """UnavailableError if the endpoint's name cannot be resolved or, except for AWS itself, if nothing listens there."""
    parts = urlsplit(endpoint)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if parts.scheme in proxies:
        return  # the proxy resolves names; this machine may not be able to
    try:
        if host.endswith(_AWS):
            socket.getaddrinfo(host, port)
        else:
            socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except socket.gaierror as error:
        raise UnavailableError(
            f"{host} cannot be resolved ({error.strerror}): check that {region} is the right Region and that this machine is online"
        ) from error
    except OSError as error:
        raise UnavailableError(
            f"nothing answers at {endpoint} ({error.strerror or error}): start what AWS_ENDPOINT_URL points at "
            "(`rds-lake local up`), or unset the variable for AWS itself"
        ) from error
