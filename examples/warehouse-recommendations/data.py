"""What the example is about: a billing database, two files of usage from another system, and the offers of the month."""

from __future__ import annotations

import gzip
import json
from typing import Any

import psycopg

_BILLING = """
CREATE TABLE accounts (id bigint PRIMARY KEY, email text NOT NULL, since date);
INSERT INTO accounts VALUES (1, 'ada@example.com', '2019-03-01'), (2, 'grace@example.com', '2021-07-15'),
    (3, 'alan@example.com', '2020-01-20'), (4, 'edsger@example.com', NULL);
CREATE TABLE invoices (number bigint PRIMARY KEY, account bigint NOT NULL, issued date NOT NULL, amount numeric(10,2));
INSERT INTO invoices VALUES (100, 1, '2026-11-02', 49.90), (101, 2, '2026-11-02', 29.90), (102, 3, '2026-11-03', 12.00),
    (103, 1, '2026-10-02', 49.90), (104, 1, '2026-11-20', 10.10), (105, 4, '2026-11-20', NULL);
"""
_USAGE = {
    "usage_1.psv.gz": ["1|2026-11-01|120.50|4000", "1|2026-11-15|60.00|3500", "2|2026-11-03|10.25|900"],
    "usage_2.psv.gz": ["3|2026-11-30|5.00|100", "2|2026-10-31|999.00|99999", "1|2026-11-30|1.00|1"],
}
_OFFERS = [
    {"offer": "S", "title": "Small: 2 GB", "megabytes": 2000, "price": 9.90},
    {"offer": "M", "title": "Medium: 8 GB", "megabytes": 8000, "price": 19.90},
    {"offer": "L", "title": 'Large, "all in": 50 GB', "megabytes": 50000, "price": 39.90},
]
FILES = ("usage/usage_1.psv.gz", "usage/usage_2.psv.gz", "offers.json")


def fill(url: str) -> None:
    """The billing database."""
    with psycopg.connect(url) as connection:
        connection.execute(_BILLING.encode())


def upload(s3: Any) -> None:
    """The files, as another system and a person would put them there."""
    for name, lines in _USAGE.items():
        body = "\n".join(["account|day|minutes|megabytes", *lines]) + "\n"
        _put(s3, f"usage/{name}", gzip.compress(body.encode(), mtime=0))
    _put(s3, "offers.json", "\n".join(map(json.dumps, _OFFERS)).encode())


def _put(s3: Any, name: str, body: bytes) -> None:
    s3.put_object(Bucket="acme-drop", Key=f"recommendations/{name}", Body=body)
