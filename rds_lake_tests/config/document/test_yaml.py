"""What YAML makes of a person's text: no trap changes a value in silence, and what is no YAML is said with its line."""

import pytest

from rds_lake.config.lake_yaml import LakeConfig, parse_config
from rds_lake.errors import ConfigError
from rds_lake_tests.config.document.test_places import file_with, problems_of


def read(text: str) -> LakeConfig:
    return parse_config(text, where="lake.yaml")


@pytest.mark.parametrize("word", ["off", "no", "false", "False", "'false'"])
def test_every_word_for_false_is_false(word: str) -> None:
    assert not read(file_with(line_9=f"    kind: rds\n    athena: {word}")).source("shop").athena


@pytest.mark.parametrize("name", ["on", "no", "y", "off"])
def test_words_that_yaml_1_1_takes_for_true_or_false_may_be_names(name: str) -> None:
    assert read(file_with(line_8=f"  - name: {name}")).sources[0].name == name


def test_a_number_with_a_leading_zero_is_neither_octal_nor_shortened() -> None:
    owner = read(file_with(line_2="  bucket: acme-lake\n  export_bucket_owner: 012345671234")).lake.export_bucket_owner
    assert owner == "012345671234"
    assert read(file_with(line_9="    kind: rds\n    priority: 010")).databases[0].priority == 10
    assert problems_of(file_with(line_2="  bucket: acme-lake\n  export_bucket_owner: 123456789012"))[0].endswith(
        "put it in quotes"
    )


def test_a_time_of_day_is_no_number_of_minutes() -> None:
    assert (
        read(file_with(line_12="    kind: dynamodb\n    export_at: 12:30")).dynamodb[0].export_at.isoformat()
        == "12:30:00"
    )
    assert (
        "must be a number, not '1:30'"
        in problems_of(file_with(line_9="    kind: rds\n    export_timeout_hours: 1:30"))[0]
    )


def test_dates_are_read_with_and_without_quotes() -> None:
    plain, quoted = (read(file_with(line_6=f"  start_date: {text}")) for text in ("2026-01-01", "'2026-01-01'"))
    assert plain.lake == quoted.lake


def test_anchors_and_merged_keys_save_repetition() -> None:
    text = file_with(
        line_9="    kind: rds\n    retention: &kept {daily: 30}\n    freshness_hours: 30",
        line_12="    kind: dynamodb\n    retention:\n      <<: *kept\n      weekly: 2",
    )
    kept = [source.retention for source in read(text).sources]
    assert [(one.daily, one.weekly) for one in kept if one] == [(30, 8), (30, 2)]


def test_keys_that_are_written_twice_are_all_named_beside_the_other_problems() -> None:
    text = file_with(
        line_4="  kms_key: a\n  kms_key: b", line_10="    identifier: a\n    identifier: b", line_13="    tables: []"
    )
    assert problems_of(text) == [
        "line 5, column 3: the key 'kms_key' is written twice; remove one of the two",
        "line 12, column 5: the key 'identifier' is written twice; remove one of the two",
        "line 15, column 5: source reviews: tables: must not be empty; add what belongs there (docs/configuration.md describes it)",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            file_with(line_9="\tkind: rds"),
            "line 9, column 1: this line is indented with a tab, and YAML allows only spaces",
        ),
        (file_with(line_9="    kind:\trds"), "line 9, column 10: a tab is not allowed before a value"),
        (
            file_with(line_9="    <<: rds"),
            "line 9, column 9: `<<:` needs the name of a mapping, as in `<<: *name`",
        ),
        (file_with(line_2="  bucket: !!int abc"), "line 2, column 11: this cannot be read as int; put it in quotes"),
        (file_with(line_2="  bucket: !!bool x"), "line 2, column 11: this cannot be read as bool; put it in quotes"),
        (
            file_with(line_2=f"  bucket: {'9' * 5000}"),
            "line 2, column 11: this cannot be read as int; put it in quotes",
        ),
        (
            file_with(line_9="    kind:\u00a0rds"),
            "the line has the character U+00A0 (no-break space), which YAML does not read as a space",
        ),
        (file_with(line_9="    kind rds"), "line 9, column 5: this key has no `:` after it; write `key: value`"),
        (file_with(line_7="...\nsources:"), "line 8, column 1: this text is outside of the document"),
        (file_with(line_9="    kind: rds: x"), "line 9, column 14: this value has a second `:`"),
        (
            file_with(line_9="   kind: rds"),
            "line 9, column 4: this line is indented differently from the lines around it",
        ),
        (file_with(line_13="    tables: [Reviews"), "line 14, column 1: a list in [ ] is not closed"),
        (file_with(line_13="    tables: [${TABLE}]"), "a ${VARIABLE} in it needs quotes"),
        (
            file_with(line_2="  bucket: *other"),
            "line 2, column 11: `*` refers to a name that is not defined with `&` above",
        ),
        (file_with(line_2="  bucket: @acme"), "line 2, column 11: a value may not begin with this character"),
        (file_with(line_7="---"), "line 7, column 1: a second document begins here"),
        (file_with(line_2="  bucket: !secret x"), "line 2, column 11: rds-lake supports no YAML tags"),
        (file_with(line_2="  bucket: 'acme"), "a quote, [ or { is not closed"),
        (file_with(line_2="  bucket: a\x07b"), "line 2: the character U+0007 is not allowed in YAML"),
        ("", "must be a mapping with `lake:` and `sources:`"),
        ("just words", "must be a mapping with `lake:` and `sources:`"),
    ],
)
def test_text_that_is_no_yaml_is_reported_with_its_line_and_what_to_do(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert said in str(caught.value)


def test_an_alias_of_itself_is_a_sentence() -> None:
    assert problems_of(file_with(line_10="    identifier: &a [*a]"))


def test_aliases_of_aliases_do_not_fill_the_memory() -> None:
    bombs = "\n".join(f"b{n}: &b{n} [{', '.join([f'*b{n - 1}'] * 9)}]" for n in range(1, 30))
    assert len(problems_of(file_with() + f"b0: &b0 [x]\n{bombs}\n")) == 30


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("freshness_hours: .inf", "freshness_hours: must be a finite number, not inf"),
        ("freshness_hours: 1e400", "freshness_hours: must be a finite number, not inf"),
        ("freshness_hours: 1e300", "freshness_hours: must be at most 100000, not 1e+300"),
        ("retention: {weekly: 99999999999}", "retention.weekly: must be at most 10000, not 99999999999"),
        ("kind:", "kind: has no value; write `kind: rds` (a DB instance)"),
    ],
)
def test_a_number_that_no_time_can_be_made_of_is_refused_where_it_is_written(line: str, said: str) -> None:
    """Not by an OverflowError of a sensor, on the day after."""
    place = "" if line == "kind:" else "    kind: rds\n"
    text = file_with(line_9=f"{place}    {line}")
    assert [problem for problem in problems_of(text) if said in problem]
