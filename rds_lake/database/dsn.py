"""Parses a secret's text into the address, user and password of a database. No error and no repr contains the text.

    postgresql://reader:secret@shop-prod.….rds.amazonaws.com:5432/shop?sslmode=require
    mysql://reader:secret@shop-prod.….rds.amazonaws.com/shop?ssl_ca=/etc/rds-ca.pem
    {"engine": "postgres", "host": "…", "port": 5432, "username": "reader", "password": "…", "dbname": "shop"}

What belongs here: parsing. `connecting.py` connects.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from rds_lake.errors import ConfigError
from rds_lake.model.aws.engine import Engine, engine_of

_PORTS = {Engine.POSTGRES: 5432, Engine.MYSQL: 3306}
_FAMILIES = {"postgresql": "postgres", "postgres": "postgres", "mysql": "mysql", "mariadb": "mariadb"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dsn:
    """A database server, and the database to connect to."""

    engine: Engine
    host: str = field(repr=False)
    port: int = field(repr=False)
    user: str = field(repr=False)
    password: str = field(repr=False)
    database: str = field(repr=False)
    options: Mapping[str, str] = field(default_factory=dict, repr=False)


def parse_dsn(text: str, *, where: str) -> Dsn:
    """Returns the secret's text as a Dsn. ConfigError names the secret `where` and the missing parts, never its text."""
    parsed: Dsn | None = None
    # Raised outside of the handler, because the parsers' own errors contain the text.
    try:
        parsed = _from_json(json.loads(text)) if text.lstrip().startswith("{") else _from_url(text.strip())
    except (ValueError, KeyError, TypeError, AttributeError):
        parsed = None
    if parsed is None:
        raise ConfigError(
            f"the secret {where} does not name a database: it must be a URL (postgresql:// or mysql://, with host and "
            "user), or JSON with engine, host, username and password; secrets that RDS manages lack engine and host"
        )
    return parsed


def _from_url(text: str) -> Dsn | None:
    parts = urlsplit(text)
    engine = engine_of(_FAMILIES[parts.scheme.partition("+")[0]])
    if not parts.hostname or not parts.username:
        return None
    return Dsn(
        engine=engine,
        host=parts.hostname,
        port=parts.port or _PORTS[engine],
        user=unquote(parts.username),
        password=unquote(parts.password or ""),
        database=unquote(parts.path.lstrip("/")),
        options=dict(parse_qsl(parts.query)),
    )


def _from_json(body: Mapping[str, Any]) -> Dsn:
    engine = engine_of(_FAMILIES.get(word := str(body["engine"]), word))
    return Dsn(
        engine=engine,
        host=str(body["host"]),
        port=int(body.get("port") or _PORTS[engine]),
        user=str(body["username"]),
        password=str(body["password"]),
        database=str(body.get("dbname") or body.get("database") or ""),
    )
