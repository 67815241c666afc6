"""Whatever is wrong in lake.yaml, one error names all of it."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.config.lake_yaml import LakeConfig, load_config, parse_config
from rds_lake.config.source import KINDS
from rds_lake.errors import ConfigError

ROLE = "arn:aws:iam::111122223333:role/rds-lake-export"
LAKE: dict[str, Any] = {
    "bucket": "acme-lake",
    "export_role": ROLE,
    "kms_key": "alias/rds-lake",
    "events_queue": "rds-lake-events",
    "start_date": "2026-01-01",
}
SOURCES: dict[str, dict[str, Any]] = {
    "rds": {"name": "shop", "kind": "rds", "identifier": "shop-prod"},
    "aurora": {"name": "bank", "kind": "aurora", "identifier": "bank-prod"},
    "dynamodb": {"name": "reviews", "kind": "dynamodb", "tables": ["Reviews"]},
}
# By section: what is changed, and the beginning of the problem that it makes.
OF_ALL_KINDS: list[tuple[dict[Any, Any], str]] = [
    ({"name": "Shop"}, ".name: "),
    ({"name": None}, ".name: has no value; write one"),
    ({"rename": {"a": 1}}, ".rename.a: "),
    ({"types": "decimal"}, ".types: "),
    ({"publish": "never"}, ".publish: "),
    ({"max_drop": {"orders": 7}}, ".max_drop.orders: "),
    (
        {"changes": {"most": {"orders": {"removed": 0.5}}}},
        ".changes.most.orders.removed: '0.5' is not a limit: write a number",
    ),
    ({"changes": {"most": {"orders": {"gone": 1}}}}, ".changes.most.orders.gone: unknown key"),
    ({"changes": {}, "athena": False}, ": changes: needs Athena to compare the dates"),
    ({"retention": {"daily": 0}}, ".retention.daily: "),
    ({"retention": {"dayly": 9}}, ".retention.dayly: unknown key; did you mean `daily`?"),
    ({"retention": {"schedule": "daily"}}, ".retention.schedule: 'daily' is not a cron schedule"),
    ({"export_timeout_hours": float("nan")}, ".export_timeout_hours: "),
    ({"start_date": "yesterday"}, ".start_date: "),
    ({"start_date": "2020-01-01"}, ": start_date 2020-01-01 is before the lake's"),
    ({"nonsense": 1}, ".nonsense: unknown key; remove it or correct its spelling"),
    ({"export_quota": 9}, ".export_quota: is a key of `lake:`; write it there"),
    ({"athina": True}, ".athina: unknown key; did you mean `athena`?"),
    ({7: 1}, ".7: a key must be a word, not 7"),
]
OF_DATABASES: list[tuple[dict[Any, Any], str]] = [
    ({"identifier": "shop_prod"}, ".identifier: "),
    (
        {"streams": {"tables": ["shop.public.a"], "capture": "lambda", "function": ROLE}},
        f".streams.function: '{ROLE}' is not the ARN of a function (arn:aws:lambda:REGION:ACCOUNT:function:NAME)",
    ),
    ({"identifier": ""}, ".identifier: has no value; write one"),
    ({"engine": "oracle"}, ".engine: "),
    ({"snapshots": []}, ".snapshots: must not be empty"),
    ({"include": ["a b"]}, ": include ['a b']: "),
    ({"default_schema": "public"}, ".default_schema: "),
    ({"union": {"a": "("}}, ".union.a: '(' is not a regular expression"),
    ({"verify": {}}, ".verify.secret: is required"),
    ({"live_schedule": "0 25 * * *"}, ".live_schedule: '0 25 * * *' is not a cron schedule"),
    ({"parquet": "in_place", "keep_export": False}, ": keep_export: false would delete"),
    ({"converter": "glue"}, ".converter: is not a key of kind {kind}; remove it (it is a key of kind dynamodb)"),
    ({"tables": ["Reviews"]}, ".tables: is not a key of kind {kind}; remove it (it is a key of kind dynamodb)"),
]
OF_DYNAMODB: list[tuple[dict[Any, Any], str]] = [
    ({"tables": []}, ".tables: must not be empty"),
    ({"tables": ["a b"]}, ".tables.0: 'a b' is neither a name of a DynamoDB table"),
    ({"method": "copy"}, ".method: "),
    ({"export_at": "25:00"}, ".export_at: '25:00' is not a time of day"),
    ({"read_percentage": 0.5}, ": read_percentage: is for `method: scan` only"),
    ({"converter": "spark"}, ".converter: "),
    ({"engine": "mysql"}, ".engine: kind dynamodb has no engine; remove it"),
    ({"engine": ["mysql"]}, ".engine: kind dynamodb has no engine"),
    ({"glue_above_gb": 9}, ": glue_above_gb: is for `converter: auto` only"),
    ({"format": "csv"}, ": format: csv files have no tables in Athena"),
    ({"identifier": "x"}, ".identifier: is not a key of kind dynamodb; remove it (it is a key of kinds rds and aurora)"),
    ({"include": []}, ".include: is not a key of kind dynamodb; remove it"),
]  # fmt: skip
OF_THE_LAKE: list[tuple[dict[str, Any], str]] = [
    ({"bucket": "Acme_Lake"}, "lake.bucket: "),
    ({"export_role": "rds-lake-export"}, "lake.export_role: 'rds-lake-export' is not an ARN"),
    ({"kms_key": None}, "source shop: RDS needs lake."),
    ({"reconcile_days": 0}, "source reviews: no export of DynamoDB is ever started"),
    ({"prices": {"put_per_1000": -1}}, "lake.prices.put_per_1000: "),
    ({"prefix": "/lake"}, "lake.prefix: "),
    ({"notifications": ROLE}, f"lake.notifications: '{ROLE}' is not the ARN of an SNS topic"),
    ({"glue_role": ROLE.replace("iam", "sns")}, "lake.glue_role: "),
    ({"retention": {"daily": 9}}, "lake.retention: is a key of a source; write it in an entry of `sources:`"),
    ({"exprot_prefix": "x"}, "lake.exprot_prefix: unknown key; did you mean `export_prefix`?"),
]

TOGETHER = [
    "source shop: RDS needs lake.",
    "source reviews: no export of DynamoDB is ever started",
]
# rule about -> key it needs
NEEDS = {"read_percentage": "method", "glue_above_gb": "converter", "include": "engine", "format": "athena"}


def problems_of(lake: object, sources: object) -> list[str]:
    """The problems of the error without line and column, of text as a person may have written it."""
    with pytest.raises(ConfigError) as caught:
        parse_config(yaml.safe_dump({"lake": lake, "sources": sources}), where="lake.yaml")
    first, *lines = str(caught.value).splitlines()
    assert first == "lake.yaml has problems:"
    return [re.sub(r"^  - line \d+, column \d+: ", "", line) for line in lines]


def begins_of(at: int, source: dict[Any, Any], begins: str) -> str:
    """The problem's first words: the source's name, or its number where it has none, and the place in it."""
    place = source["name"] if source.get("name") else f"number {at + 1}"
    return f"source {place}: " + begins.format(kind=source["kind"]).removeprefix(":").removeprefix(".").lstrip()


def wrongs(kind: str) -> list[tuple[dict[Any, Any], str]]:
    """What an entry of the kind can have wrong."""
    return OF_ALL_KINDS + (OF_DYNAMODB if kind == "dynamodb" else OF_DATABASES)


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("export_role", "arn:aws:iam::111122223333:user/ann"),
        ("export_role", "arn:aws:iam::1111:role/rds-lake-export"),
        ("kms_key", "arn:aws:sqs:eu-central-1:111122223333:key/7"),
        ("kms_key", "arn:aws:kms:eu-central-1:111122223333:role/rds-lake"),
        ("notifications", "arn:aws:sns:eu-central-1:eu:alerts"),
    ],
)
def test_an_arn_of_something_else_is_said_before_aws_is_asked(key: str, wrong: str) -> None:
    (line,) = problems_of(LAKE | {key: wrong}, [SOURCES["rds"]])
    assert line.startswith(f"lake.{key}: {wrong!r} is not the ARN of a")


def test_a_key_of_the_lake_outside_of_it_is_reported_with_its_place() -> None:
    text = yaml.safe_dump({"lake": LAKE, "lakes": {}, "workgroup": "w", "sources": [SOURCES["rds"]]})
    with pytest.raises(ConfigError) as caught:
        parse_config(text, where="lake.yaml")
    assert "workgroup: is a key of `lake:`; write it there" in str(caught.value)
    assert "lakes: unknown key; remove it" in str(caught.value), "not `lake`, which is there"


@pytest.mark.parametrize("kind", SOURCES)
def test_each_wrong_key_has_a_problem_and_only_that(kind: str) -> None:
    for change, begins in wrongs(kind):
        source = SOURCES[kind] | change
        lines = problems_of(LAKE, [source])
        assert len(lines) == 1, lines
        assert lines[0].startswith(begins_of(0, source, begins))


@given(data=st.data())
def test_any_subset_of_what_can_be_wrong_is_listed_at_once(data: st.DataObject) -> None:
    """One key wrong at a time is the test above; here none hides another, be it of another source, kind or section."""
    lake, sources, expected = dict(LAKE), copy.deepcopy(list(SOURCES.values())), []
    for change, begins in data.draw(st.lists(st.sampled_from(OF_THE_LAKE), unique_by=lambda wrong: wrong[1])):
        lake |= change
        expected.append(begins)
    for at, source in enumerate(sources):
        chosen = data.draw(st.lists(st.sampled_from(wrongs(source["kind"])), unique_by=lambda wrong: repr(wrong[0])))
        taken: set[object] = set()
        own: list[str] = []
        for change, begins in chosen:
            if taken & change.keys() or "start_date 2020" in begins:
                continue  # what is wrong with two sections together waits for each of them
            taken |= change.keys()
            source |= change
            own.append(begins)
        # A rule has nothing to say where another key that it needs is wrong by itself.
        needless = [rule for rule, key in NEEDS.items() if key in taken]
        right = [begins for begins in own if not begins.startswith(tuple(f": {rule}" for rule in needless))]
        expected += [begins_of(at, source, begins) for begins in right]
    alone = [begins for begins in expected if begins not in TOGETHER]
    if not expected:
        return
    lines = problems_of(lake, sources)
    missing = [begins for begins in alone if not any(line.startswith(begins) for line in lines)]
    assert missing == [], lines


_KEYS = st.sampled_from([*{key: 0 for model in KINDS.values() for key in model.model_fields}, "Kind", "bogus", "", 7])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.dates()
    | st.sampled_from(["rds", "dynamodb", "glue", "aurora"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@given(
    lake=st.dictionaries(st.sampled_from([*LAKE, "prices", "glue_runs", "x"]), _VALUES) | _VALUES,
    sources=st.lists(st.dictionaries(_KEYS, _VALUES) | st.sampled_from(list(SOURCES.values())) | _VALUES, max_size=4)
    | _VALUES,
)
def test_no_values_whatever_raise_anything_but_a_config_error(lake: object, sources: object) -> None:
    for whole in (lake, LAKE | lake if isinstance(lake, dict) else LAKE):
        try:
            parse_config(yaml.safe_dump({"lake": whole, "sources": sources}), where="lake.yaml")
        except ConfigError as error:
            assert "\n  - " in str(error)


@pytest.mark.parametrize("text", ["a: !!bool x", "a: !!int ''", "a: !!timestamp x", "? [a]\n: b", "[" * 5000])
def test_text_that_is_no_yaml_is_a_sentence(text: str) -> None:
    with pytest.raises(ConfigError, match="is not YAML"):
        parse_config(text, where="lake.yaml")


def test_a_kind_that_is_none_or_lacking_is_a_sentence_that_names_the_three() -> None:
    lines = problems_of(
        LAKE,
        [SOURCES["rds"] | {"kind": "postgres", "exclude": []}, {"name": "bank"}, SOURCES["dynamodb"] | {"athena": 3}],
    )
    three = (
        "`kind: rds` (a DB instance), `kind: aurora` (an Aurora cluster) or `kind: dynamodb` (a set of DynamoDB tables)"
    )
    assert f"source shop: kind: 'postgres' is not a kind of source; write {three}" in lines
    assert "source shop: exclude: unknown key" in "\n".join(lines)
    assert f"source bank: kind: is required; add {three}" in lines
    assert "source reviews: athena: " in "\n".join(lines)


def test_keys_that_are_wrong_by_themselves_hide_no_problem_of_the_others() -> None:
    lines = problems_of(
        LAKE | {"bucket": 7, "reconcile_days": 5},
        [
            SOURCES["dynamodb"] | {"format": "cvs", "numbers": "all", "incremental": True, "method": "scan"},
            SOURCES["rds"] | {"athena": "perhaps", "retention": {"daily": 2}},
            SOURCES["aurora"] | {"name": "shop", "kind": "rds", "identifier": "SHOP-prod"},
        ],
    )
    text = "\n".join(lines)
    assert "source reviews: incremental: a scan has no changes to merge" in text
    assert "retention.daily 2 is less than lake.reconcile_days 5" in text
    assert "two sources are named 'shop'" in text
    assert "source shop: reads instance 'SHOP-prod', as source 'shop' does" in text
    assert "athena: false" not in text, "whether the files suit Athena is not known of a format that does not exist"
    assert len(lines) == 8


@pytest.mark.parametrize("converter", ["local", "glue", "auto"])
def test_the_old_word_for_the_converter_is_accepted_with_a_notice(converter: str) -> None:
    lake = LAKE | {"glue_role": ROLE}

    def read(**keys: Any) -> LakeConfig:
        return parse_config(yaml.safe_dump({"lake": lake, "sources": [SOURCES["dynamodb"] | keys]}), where="lake.yaml")

    old, new = read(engine=converter), read(converter=converter)
    assert old.sources == new.sources
    assert new.notices == ()
    assert old.notices == (f"sources.0: `engine: {converter}` is now written `converter: {converter}`; the old name still works, "
                           "please change it",)  # fmt: skip
    (line,) = problems_of(lake, [SOURCES["dynamodb"] | {"engine": converter, "converter": converter}])
    assert line.startswith("source reviews: engine: is the old name of `converter`")


def test_a_notice_is_a_warning_in_the_log_that_commands_and_code_locations_show(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "lake.yaml"
    place.write_text(yaml.safe_dump({"lake": LAKE, "sources": [SOURCES["dynamodb"] | {"engine": "local"}]}), "utf-8")
    config = load_config(place)
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        ("rds_lake", "WARNING", f"{place}: {config.notices[0]}")
    ]


def test_a_json_schema_can_be_made_of_lake_yaml() -> None:
    schema = LakeConfig.model_json_schema()
    assert json.loads(json.dumps(schema)) == schema
    assert set(schema["properties"]) == {"lake", "sources", "warehouses"}, (
        "what rds-lake knows besides the file is no part of it"
    )
    kinds = schema["properties"]["sources"]["items"]["discriminator"]["mapping"]
    assert set(kinds) == set(KINDS)
    for kind, reference in kinds.items():
        model = schema["$defs"][reference.rpartition("/")[2]]
        assert set(model["properties"]) == set(KINDS[kind].model_fields)
        assert {"name", "kind"} <= set(model["required"])
        assert model["additionalProperties"] is False
