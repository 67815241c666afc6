"""Every function that a statement may call, with its translation to DuckDB. Any other function is an error.

(https://docs.aws.amazon.com/redshift/latest/dg/c_SQL_functions.html)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from rds_lake.localcloud.redshift.errors import StatementFailedError, not_here
from rds_lake.localcloud.redshift.sql import formats
from rds_lake.localcloud.redshift.sql.building import call, cast, constant_text, number, sql, text
from rds_lake.localcloud.redshift.sql.decimals import INTEGERS, is_decimal
from rds_lake.localcloud.redshift.sql.oracle import Oracle
from rds_lake.localcloud.redshift.sql.times import datetimes

Rule = Callable[[Sequence[exp.Expr], Oracle], exp.Expr]

# name, fewest and most arguments, DuckDB's name
_CALLED = """
abs 1 1 abs                    acos 1 1 acos                  any_value 1 1 any_value        ascii 1 1 ascii
asin 1 1 asin                  atan 1 1 atan                  atan2 2 2 atan2                bit_and 1 1 bit_and
bit_or 1 1 bit_or              bool_and 1 1 bool_and          bool_or 1 1 bool_or            bpcharcmp 2 2 lc_bpcharcmp
btrim 1 2 lc_trim              bttext_pattern_cmp 2 2 lc_bpcharcmp                           cbrt 1 1 cbrt
ceil 1 1 ceil                  ceiling 1 1 ceil               char_length 1 1 length         character_length 1 1 length
charindex 2 2 lc_charindex     chr 1 1 chr                    coalesce 1 99 coalesce         concat 2 2 lc_concat
cos 1 1 cos                    cot 1 1 cot                    count 1 1 count                cume_dist 0 0 cume_dist
degrees 1 1 degrees            dense_rank 0 0 dense_rank      dexp 1 1 exp                   dlog1 1 1 ln
dlog10 1 1 log10               exp 1 1 exp                    first_value 1 1 first_value    floor 1 1 floor
func_sha1 1 1 sha1             greatest 1 99 greatest         initcap 1 1 lc_initcap         is_valid_json 1 1 lc_is_json
is_valid_json_array 1 1 lc_is_json_array                      json_array_length 1 2 lc_json_length
json_extract_array_element_text 2 3 lc_json_element           lag 1 2 lag                    last_value 1 1 last_value
lead 1 2 lead                  least 1 99 least               left 2 2 lc_left               len 1 1 length
length 1 1 length              ln 1 1 ln                      log 1 1 log10                  lower 1 1 lower
lpad 2 3 lc_lpad               ltrim 1 2 lc_ltrim                max 1 1 max                    md5 1 1 md5
min 1 1 min                    nth_value 2 2 nth_value        ntile 1 1 ntile                nvl 2 99 coalesce
octet_length 1 1 strlen        octetindex 2 2 lc_octetindex   percent_rank 0 0 percent_rank  pi 0 0 pi
pow 2 2 power                  power 2 2 power                quote_ident 1 1 lc_quote_ident quote_literal 1 1 lc_quote_literal
radians 1 1 radians            random 0 0 random              rank 0 0 rank                  repeat 2 2 repeat
replace 3 3 replace            replicate 2 2 repeat           reverse 1 1 reverse            right 2 2 lc_right
round 1 2 round                row_number 0 0 row_number      rpad 2 3 lc_rpad               rtrim 1 2 lc_rtrim
sha 1 1 sha1                   sha1 1 1 sha1                  sin 1 1 sin
split_part 3 3 lc_split_part   stddev 1 1 stddev_samp         stddev_pop 1 1 stddev_pop
stddev_samp 1 1 stddev_samp    strpos 2 2 strpos              strtol 2 2 lc_strtol           substr 2 3 lc_substring
tan 1 1 tan                    textlen 1 1 length             to_hex 1 1 lc_to_hex           translate 3 3 translate
upper 1 1 upper                var_pop 1 1 var_pop            var_samp 1 1 var_samp          variance 1 1 var_samp
"""
_WORDS = _CALLED.split()
CALLED = {_WORDS[n]: (int(_WORDS[n + 1]), int(_WORDS[n + 2]), _WORDS[n + 3]) for n in range(0, len(_WORDS), 4)}
# Functions of Redshift that the local cloud does not support.
_ELSEWHERE = """
array array_concat array_flatten can_json_parse checksum collate crc32 current_setting difference explain_model
farmfingerprint64 fnv_hash from_hex get_array_length getbit has_schema_privilege has_table_privilege hll
hll_cardinality hll_create_sketch interval_cmp is_array is_object json_parse json_serialize json_size json_typeof
murmur3_32_hash pg_backend_pid pg_cancel_backend pg_last_copy_count pg_last_copy_id pg_last_query_id pg_last_unload_count
pg_terminate_backend regexp_instr set_config sha2 slice_num soundex split_to_array subarray text_to_int_alt
text_to_numeric_alt timeofday to_varbyte user_is_member_of width_bucket
"""
_NOT_HERE = frozenset(_ELSEWHERE.split())


def _now(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    return sql("date_trunc('second', now() AT TIME ZONE 'UTC')")


def _nvl2(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    return sql("CASE WHEN $a IS NOT NULL THEN $b ELSE $c END", a=arguments[0], b=arguments[1], c=arguments[2])


def _nullif(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    return sql("CASE WHEN lc_key($a) = lc_key($b) THEN NULL ELSE $a END", a=arguments[0], b=arguments[1])


def _decode(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    """NULL equals NULL: https://docs.aws.amazon.com/redshift/latest/dg/r_DECODE_expression.html"""
    value, *rest = arguments
    whens = [
        exp.If(this=sql("lc_key($a) IS NOT DISTINCT FROM lc_key($b)", a=value, b=search), true=result)
        for search, result in zip(rest[0::2], rest[1::2], strict=False)
    ]
    return exp.paren(exp.Case(ifs=whens, default=rest[-1] if len(rest) % 2 else None))


def _json_path(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    """https://docs.aws.amazon.com/redshift/latest/dg/JSON_EXTRACT_PATH_TEXT.html"""
    document, *path = arguments
    lenient = path and isinstance(path[-1], exp.Boolean) and path.pop().this
    keys = [constant_text(key, "a key of JSON_EXTRACT_PATH_TEXT") for key in path]
    where = text("$" + "".join('."' + key.replace('"', '\\"') + '"' for key in keys))
    checked = sql("CASE WHEN json_valid($j) THEN $j END", j=document) if lenient else call("lc_json_of", document)
    return call("lc_json_at", checked, where)


def _pattern(arguments: Sequence[exp.Expr], at: int) -> tuple[exp.Expr, str]:
    """Returns the pattern, which contains the flag i, and its flags: i, c, e, p. RE2 refuses what only PCRE has."""
    flags = constant_text(arguments[at], "the parameters of a regular expression") if len(arguments) > at else ""
    if set(flags) - set("icep"):
        raise StatementFailedError(f"invalid regular expression parameters {flags!r}")
    return (exp.DPipe(this=text("(?i)"), expression=arguments[1]) if "i" in flags else arguments[1]), flags


def _start(arguments: Sequence[exp.Expr]) -> exp.Expr:
    return arguments[2] if len(arguments) > 2 else number(1)


def _regexp_count(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    pattern, _ = _pattern(arguments, 3)
    return sql("len(regexp_extract_all(substring($s, $n), $p))", s=arguments[0], n=_start(arguments), p=pattern)


def _regexp_substr(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    pattern, flags = _pattern(arguments, 4)
    group = 1 if "e" in flags else 0
    which = arguments[3] if len(arguments) > 3 else number(1)
    template = f"CASE WHEN $s IS NOT NULL THEN coalesce(list_extract(regexp_extract_all(substring($s, $n), $p, {group}), $o), '') END"
    return sql(template, s=arguments[0], n=_start(arguments), p=pattern, o=which)


def _regexp_replace(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    pattern, _ = _pattern(arguments, 4)
    new = constant_text(arguments[2], "a replacement") if len(arguments) > 2 else ""
    if "\\" in new or "$" in new:
        raise not_here("back references in a replacement are not supported")
    start = arguments[3] if len(arguments) > 3 else number(1)
    whole = "left($s, $n - 1) || regexp_replace(substring($s, $n), $p, $r, 'g')"
    return sql(whole, s=arguments[0], n=start, p=pattern, r=text(new))


def _timezone(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    return exp.paren(exp.AtTimeZone(this=_zoned(arguments[1], types), zone=datetimes.zone(arguments[0])))


def _zoned(value: exp.Expr, types: Oracle) -> exp.Expr:
    return value if types.of(value).startswith("TIMESTAMP WITH") else call("lc_ts", value)


def _days(name: str) -> Rule:
    return lambda arguments, types: call(name, call("lc_dt", arguments[0]), *arguments[1:])


def _of_moments(name: str) -> Rule:
    return lambda arguments, types: call(name, *(call("lc_ts", each) for each in arguments))


def _mod(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    return sql("$a % $b", a=arguments[0], b=arguments[1])


def _sign(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    """Returns its argument's type, for a DECIMAL one with one digit: https://docs.aws.amazon.com/redshift/latest/dg/r_SIGN.html"""
    given = types.of(arguments[0])
    return cast(
        call("sign", *arguments), "DECIMAL(1,0)" if is_decimal(given) else given if given in INTEGERS else "DOUBLE"
    )


def _sqrt(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    return call("sqrt", cast(arguments[0], "DOUBLE"))


def _from_varbyte(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    """https://docs.aws.amazon.com/redshift/latest/dg/r_FROM_VARBYTE.html"""
    form = constant_text(arguments[1], "a format").lower()
    template = {"utf8": "decode($x)", "utf-8": "decode($x)", "hex": "lower(hex($x))", "base64": "to_base64($x)"}.get(
        form
    )
    if template is None:
        raise not_here(f"FROM_VARBYTE to {form} is not supported")
    return sql(template, x=arguments[0])


def _schema(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    return text("public")


RULED: dict[str, tuple[int, int, Rule]] = {
    "add_months": (2, 2, lambda a, t: call("lc_add_months", call("lc_ts", a[0]), a[1])),
    "convert_timezone": (2, 3, datetimes.convert_timezone),
    "current_schema": (0, 0, _schema),
    "date_cmp": (2, 2, lambda a, t: call("lc_compare", *(call("lc_dt", each) for each in a))),
    "date_part": (2, 2, datetimes.date_part),
    "date_part_year": (1, 1, lambda a, t: call("year", call("lc_dt", a[0]))),
    "date_trunc": (2, 2, datetimes.date_trunc),
    "dateadd": (3, 3, datetimes.dateadd),
    "date_add": (3, 3, datetimes.dateadd),
    "datediff": (3, 3, datetimes.datediff),
    "date_diff": (3, 3, datetimes.datediff),
    "decode": (3, 999, _decode),
    "from_varbyte": (2, 2, _from_varbyte),
    "getdate": (0, 0, _now),
    "json_extract_path_text": (2, 6, _json_path),
    "last_day": (1, 1, _days("last_day")),
    "mod": (2, 2, _mod),
    "months_between": (2, 2, datetimes.months_between),
    "next_day": (2, 2, _days("lc_next_day")),
    "nullif": (2, 2, _nullif),
    "nvl2": (3, 3, _nvl2),
    "pgdate_part": (2, 2, datetimes.date_part),
    "regexp_count": (2, 4, _regexp_count),
    "regexp_replace": (2, 5, _regexp_replace),
    "regexp_substr": (2, 5, _regexp_substr),
    "sign": (1, 1, _sign),
    "sqrt": (1, 1, _sqrt),
    "timestamp_cmp": (2, 2, _of_moments("lc_compare")),
    "timestamp_cmp_date": (2, 2, _of_moments("lc_compare")),
    "date_cmp_timestamp": (2, 2, _of_moments("lc_compare")),
    "timezone": (2, 2, _timezone),
    "to_char": (2, 2, formats.to_char),
    "to_date": (2, 3, formats.to_date),
    "to_number": (2, 2, formats.to_number),
    "to_timestamp": (2, 3, formats.to_timestamp),
    "trunc": (1, 2, datetimes.trunc),
}


def check_arguments(name: str, given: int, fewest: int, most: int) -> None:
    """StatementFailedError if a function does not take this number of arguments."""
    if not fewest <= given <= most:
        raise StatementFailedError(f"function {name} does not take {given} arguments")


def unknown(name: str) -> StatementFailedError:
    """Returns the error for a function that Redshift, or only the local cloud, does not have."""
    if name in _NOT_HERE:
        return not_here(f"the function {name} is not supported")
    return StatementFailedError(f"function {name}() does not exist")
