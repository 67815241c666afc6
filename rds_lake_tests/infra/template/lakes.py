"""Ten lakes that differ in what AWS has to have for them, as the text of their lake.yaml."""

from __future__ import annotations

from functools import cache

from rds_lake.config.lake_yaml import LakeConfig, parse_config
from rds_lake.infra.template.build import Template, build_template

ACCOUNT = "111122223333"
# What databases need: lake.yaml is refused without.
_EXPORTED = f"export_role: 'arn:aws:iam::{ACCOUNT}:role/lake/acme-export', kms_key: alias/acme,"
_MAILED = f"notifications: 'arn:aws:sns:us-east-1:{ACCOUNT}:acme-alerts',"
_JOB = f"glue_job: acme-convert, glue_role: 'arn:aws:iam::{ACCOUNT}:role/acme-convert',"
_SHOP = "{name: shop, kind: rds, identifier: shop-prod}"
_CRM = "{name: crm, kind: aurora, identifier: crm-prod, snapshots: [automated, live]}"
_SAVED = "{name: saved, kind: aurora, identifier: saved-prod, snapshots: [backup]}"
_REVIEWS = "{name: reviews, kind: dynamodb, tables: [Reviews, 'Users-*']}"
_CLICKS = "{name: clicks, kind: dynamodb, tables: [Clicks], converter: glue}"
_CALLING = (
    "{name: routes, kind: aurora, identifier: routes-prod, streams: {tables: [air.public.routes], capture: lambda, "
    f"function: 'arn:aws:lambda:us-east-1:{ACCOUNT}:function:acme-routes'}}}}"
)
_EMPTIED = (
    "{name: books, kind: rds, identifier: books-prod, streams: {tables: [books.public.accounts], "
    "secret: 'arn:aws:secretsmanager:us-east-1:444455556666:secret:books-forwarder-AbCdEf'}}"
)
_KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0a1b2c3d-0000-4444-8888-123456789012"


def _lake(keys: str, *sources: str) -> str:
    needed = "bucket: acme-lake, events_queue: acme-events, workgroup: acme, start_date: 2026-01-01"
    return f"lake: {{{keys} {needed}}}\nsources:\n" + "".join(f"  - {source}\n" for source in sources)


_ALL = (_SHOP, _CRM, _SAVED, _REVIEWS, _CLICKS)
_MANY = [f"{{name: source_{at}, kind: rds, identifier: database-{at}-prod}}" for at in range(200)]

LAKES = {
    "rds": _lake(_EXPORTED, _SHOP),
    "aurora": _lake(_EXPORTED + _MAILED, _CRM),
    "aurora and backup": _lake(_EXPORTED + _MAILED, _CRM, _SAVED),
    "capture by lambda": _lake(_EXPORTED + _MAILED, _SHOP, _CALLING),
    "capture by outbox": _lake(_EXPORTED + _MAILED, _EMPTIED),
    "dynamodb": _lake("", _REVIEWS),
    "dynamodb by glue": _lake(_JOB + _MAILED, _REVIEWS, _CLICKS),
    "all": _lake(_EXPORTED + _MAILED + _JOB + "export_bucket: acme-exports,", *_ALL),
    "existing key": _lake(_EXPORTED.replace("alias/acme", f"'{_KEY}'") + _MAILED + _JOB, *_ALL),
    "200 sources": _lake(_EXPORTED + _MAILED, *_MANY),
}
# What is given for the parameters: the lake whose bucket and key are there names them so.
PARAMETERS = {name: {"Bucket": "existing"} if name == "existing key" else {} for name in LAKES}
PARAMETERS["capture by lambda"] = {"Bucket": "existing", "CaptureCodeKey": "lake/_streams/function.zip"}
PARAMETERS["capture by outbox"] = {
    "Bucket": "existing",
    "ForwarderCodeKey": "lake/_streams/forwarder.zip",
    "ForwarderSubnets": "subnet-0a1b2c3d",
    "ForwarderSecurityGroups": "sg-0a1b2c3d",
}


def config_of(name: str) -> LakeConfig:
    """One of the lakes."""
    return parse_config(LAKES[name], where=name)


@cache
def template_of(name: str) -> Template:
    """Its template."""
    return build_template(config_of(name))
