"""What botocore does again for every call, session or client, though it comes out the same, done once.

Tests make a hundred thousand calls, and half of the processor's time is botocore's and moto's. What belongs here: repairs of
botocore's speed that no caller can see. Those of moto, from which `rds-lake dev` gains too, are `localcloud/http/quick_moto.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

import botocore.session
from botocore import awsrequest, parsers, useragent
from botocore.regions import EndpointRulesetResolver
from botocore.useragent import UserAgentString

_KNOWN = "known_to_rds_lake"
_resolve = EndpointRulesetResolver.construct_endpoint
_write_user_agent = UserAgentString.to_string


def make_botocore_quick() -> None:
    """For all of this process."""
    # Each of the thirty parts of the user agent is cleaned for every call, and they never change.
    useragent.sanitize_user_agent_string_component = cache(useragent.sanitize_user_agent_string_component)
    UserAgentString.to_string = _remembered_user_agent
    # And it is written anew with the features that the call turned out to use, which are AWS's statistics.
    UserAgentString.rebuild_and_replace_user_agent_handler = lambda *_, **__: None
    # A moment of S3 or RDS is taken apart by dateutil for each object of each answer, and most are of the same few seconds.
    parsers.DEFAULT_TIMESTAMP_PARSER = lru_cache(maxsize=1024)(parsers.DEFAULT_TIMESTAMP_PARSER)
    # Every session reads AWS's models of the services again, in a quarter of a second; commands make one each time.
    botocore.session.create_loader = cache(botocore.session.create_loader)
    EndpointRulesetResolver.construct_endpoint = _remembered_endpoint
    awsrequest._HeaderKey = _header_key


def _remembered_endpoint(self: Any, operation_model: Any, call_args: Any, request_context: Any) -> Any:
    """Where a call goes: of one client always to the endpoint it was given, but for how S3 names buckets."""
    builtins: Mapping[str, Any] = self._builtins
    if builtins.get("SDK::Endpoint") is None or (request_context or {}).get("s3_redirect", {}).get("redirected"):
        return _resolve(self, operation_model, call_args, request_context)
    known: dict[Any, Any] = self.__dict__.setdefault(_KNOWN, {})
    call = (operation_model.name, (call_args or {}).get("Bucket"), (request_context or {}).get("use_global_endpoint"))
    if call not in known:
        known[call] = _resolve(self, operation_model, call_args, request_context)
    return known[call]


def _remembered_user_agent(self: Any) -> str:
    known = self.__dict__.get(_KNOWN)
    if known is None or known[0] is not self._client_config:  # a copy with another configuration
        known = self.__dict__[_KNOWN] = (self._client_config, _write_user_agent(self))
    return known[1]


class _Folded(str):
    """A header's name: the same whatever its capitals, and written as it was given."""

    __slots__ = ("_given",)

    def __new__(cls, name: str) -> _Folded:
        key = super().__new__(cls, name.lower())
        key._given = name
        return key

    def __str__(self) -> str:
        return self._given


# botocore makes an object for each look at a header, a hundred a call.
_header_key = lru_cache(maxsize=4096)(_Folded)
