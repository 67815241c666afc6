"""Makes moto faster: caches work that moto repeats for every request or import with the same result.

What belongs here: changes that affect moto's speed only. Repairs of its answers are in `localcloud/moto`.
"""

from __future__ import annotations

import string
from collections.abc import Generator
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

import boto3
from moto.core import responses, serialize
from moto.core.serialize import AttributePickerContext, XFormedAttributePicker
from moto.moto_api._internal.moto_random import MotoRandom
from moto.moto_server.werkzeug_app import create_backend_app

_KNOWN = "_keys_known_to_rds_lake"
_possible_keys = XFormedAttributePicker.get_possible_keys
_read_moment = serialize.parse_to_aware_datetime


def make_moto_quick() -> None:
    """Make moto faster in this process."""
    # moto lists all members of a service's class for every request.
    responses.method_names_from_class = cache(responses.method_names_from_class)
    MotoRandom.get_random_string = _random_string
    XFormedAttributePicker.get_possible_keys = _remembered_keys
    serialize.parse_to_aware_datetime = _remembered_moment
    _import_ec2()


@cache
def session() -> boto3.Session:
    """Returns one shared boto3 session: each new session reads AWS's service models again, which takes long."""
    return boto3.Session(aws_access_key_id="local", aws_secret_access_key="local")  # noqa: S106 - not a secret


def quick_backend_app(service: Any) -> Any:
    """Returns moto's Flask application of a service, without Flask's development features and headers for browsers."""
    app = create_backend_app(service)
    app.debug = False
    app.config["PROPAGATE_EXCEPTIONS"] = True  # as with `debug`: the server prints what is broken
    app.after_request_funcs.clear()
    return app


def _random_string(self: MotoRandom, length: int = 20, include_digits: bool = True, lower_case: bool = False) -> str:
    """Returns the identifier of an answer, 52 letters, drawn in one step; moto draws them one by one."""
    text = "".join(self.choices(string.ascii_letters + (string.digits if include_digits else ""), k=length))
    return text.lower() if lower_case else text


def _remembered_keys(self: XFormedAttributePicker, context: AttributePickerContext) -> Generator[str]:
    """Returns the names that a member of an answer may have in moto's objects, which depend on its shape and the object's class.

    They are cached in the shape.
    """
    if context.shape is None:
        yield from _possible_keys(self, context)
        return
    known: dict[tuple[str, type], tuple[str, ...]] = context.shape.__dict__.setdefault(_KNOWN, {})
    member = (context.key, type(context.obj))
    if member not in known:
        known[member] = tuple(dict.fromkeys(_possible_keys(self, context)))
    yield from known[member]


def _remembered_moment(value: Any) -> datetime:
    """Returns a time of moto's objects, cached: dateutil takes a tenth of a millisecond to parse one."""
    return _read_text(value) if isinstance(value, str) else _read_moment(value)


@lru_cache(maxsize=1024)
def _read_text(text: str) -> datetime:
    return _read_moment(text)


def _import_ec2() -> None:
    """Import moto's EC2, which moto's RDS needs, with one session. moto creates three, to list AWS's Regions, which takes a second."""
    own, shared = boto3.Session, session()
    boto3.Session = lambda: shared  # type: ignore[assignment,misc]
    try:
        import moto.ec2.models.availability_zones_and_regions  # noqa: F401
    finally:
        boto3.Session = own  # type: ignore[misc]
