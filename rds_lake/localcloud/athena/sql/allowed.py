"""The names that a query may use: Athena's own functions, and tables of the catalogue. Everything else of DuckDB is refused.

DuckDB has functions that read files, settings and other queries' text (`read_text`, `duckdb_settings()`, `query()`);
Athena has none of them. So this is a list of allowed names, not of forbidden ones: a function is one of Trino's, by name or by
sqlglot's class for such a name, and a relation is a table, a subquery, UNNEST or VALUES. In addition, the engine is locked
(`locked.py`).
"""

from __future__ import annotations

import functools

from sqlglot import exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.parsers.trino import TrinoParser

from rds_lake.localcloud.athena.errors import QueryFailedError

# https://trino.io/docs/current/functions/list.html, without geometry, machine learning and sketches, which are not supported.
_NAMES = """
abs acos all_match any_match any_value approx_distinct approx_most_frequent approx_percentile approx_set arbitrary
array_agg array_distinct array_except array_first array_histogram array_intersect array_join array_last array_max array_min
array_position array_remove array_sort array_union arrays_overlap asin at_timezone atan atan2 avg bar beta_cdf
bit_count bitwise_and bitwise_and_agg bitwise_left_shift bitwise_not bitwise_or bitwise_or_agg bitwise_right_shift
bitwise_right_shift_arithmetic bitwise_xor bitwise_xor_agg bool_and bool_or cardinality cast cbrt ceil ceiling char2hexint
checksum chr classify coalesce codepoint color combinations concat concat_ws contains contains_sequence
convex_hull_agg corr cos cosh cosine_distance cosine_similarity count count_if covar_pop covar_samp crc32 cume_dist
current_catalog current_date current_groups current_schema current_time current_timestamp current_timezone current_user
date date_add date_diff date_format date_parse date_trunc day day_of_month day_of_week day_of_year degrees dense_rank
dot_product dow doy e element_at empty_approx_set euclidean_distance evaluate_classifier_predictions every exclude_columns
exp extract fail filter first_value flatten floor format format_datetime format_number from_base from_base32 from_base64
from_base64url from_big_endian_32 from_big_endian_64 from_encoded_polyline from_hex from_ieee754_32 from_ieee754_64
from_iso8601_date from_iso8601_timestamp from_iso8601_timestamp_nanos from_unixtime from_unixtime_nanos from_utf8
geometric_mean greatest grouping hamming_distance hash_counts histogram hmac_md5 hmac_sha1 hmac_sha256 hmac_sha512 hour
human_readable_seconds if index infinity intersection_cardinality inverse_beta_cdf inverse_normal_cdf is_finite
is_infinite is_json_scalar is_nan jaccard_index json_array json_array_contains json_array_get json_array_length json_exists
json_extract json_extract_scalar json_format json_object json_parse json_query json_size json_table json_value kurtosis lag
last_day_of_month last_value lead least length levenshtein_distance listagg ln localtime localtimestamp log log10 log2
lower lpad ltrim luhn_check make_set_digest map map_agg map_concat map_entries map_filter map_from_entries map_keys
map_union map_values map_zip_with max max_by md5 merge merge_set_digest millisecond min min_by minute mod month
multimap_agg multimap_from_entries murmur3 nan ngrams none_match normal_cdf normalize now nth_value ntile nullif
numeric_histogram objectid_timestamp parse_data_size parse_datetime parse_duration percent_rank pi position pow power
qdigest_agg quantile_at_value quarter radians rand random random_string rank reduce reduce_agg regexp_count regexp_extract
regexp_extract_all regexp_like regexp_position regexp_replace regexp_split regr_avgx regr_avgy regr_count
regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy render repeat replace reverse rgb round row row_number
rpad rtrim second sequence sha1 sha256 sha512 shuffle sign simplify_geometry sin sinh skewness slice soundex split
split_part split_to_map split_to_multimap spooky_hash_v2_32 spooky_hash_v2_64 sqrt starts_with stddev stddev_pop
stddev_samp strpos strrpos substr substring sum tan tanh timestamp_objectid timezone timezone_hour timezone_minute
to_base to_base32 to_base64 to_base64url to_big_endian_32 to_big_endian_64 to_char to_date to_hex to_ieee754_32
to_ieee754_64 to_iso8601 to_milliseconds to_timestamp to_unixtime to_utf8 transform transform_keys transform_values
translate trim trim_array truncate try try_cast typeof unnest upper url_decode url_encode url_extract_fragment
url_extract_host url_extract_parameter url_extract_path url_extract_port url_extract_protocol url_extract_query uuid
value_at_quantile values_at_quantiles var_pop var_samp variance version week week_of_year width_bucket
wilson_interval_lower wilson_interval_upper with_timezone word_stem xxhash64 year year_of_week yow zip zip_with
"""
FUNCTIONS = frozenset(_NAMES.split())
# Trino's syntax that is a function to sqlglot. Classes that occur in nearly every query are listed by name, which is faster.
_SYNTAX_NAMES = frozenset({"and", "or", "case", "array", "struct", "exists"})
_SYNTAX = (
    "CAST(a AS bigint)", "TRY_CAST(a AS bigint)", "CASE WHEN a THEN b END", "a AND b OR NOT c", "ARRAY[a]", "ROW(a, b)",
    "EXISTS (SELECT 1)", "a IN (SELECT 1)", "a LIKE 'b' ESCAPE 'c'", "a AT TIME ZONE 'UTC'", "EXTRACT(hour FROM a)",
    "TRIM(BOTH 'x' FROM a)", "POSITION('a' IN b)", "DATE '2026-01-01'", "TIMESTAMP '2026-01-01 00:00:00'", "INTERVAL '1' DAY",
    "a || b", "a[1]", "CURRENT_DATE", "CURRENT_TIMESTAMP", "CURRENT_TIME", "CURRENT_USER", "LOCALTIME", "LOCALTIMESTAMP",
    "X'00'", "listagg(a, ',') WITHIN GROUP (ORDER BY a)", "CAST(a AS row(b integer))", "a IS DISTINCT FROM b",
    "substring(a FROM 1 FOR 2)", "json_value(a, 'lax $.b')", "count(*)", "count(DISTINCT a)", "transform(a, x -> x + 1)",
)  # fmt: skip
_ARGUMENTS = ("a", "a, b, c", "a, b", "")
# https://github.com/trinodb/trino/issues/16033 and /pull/865: a call has at most 127 arguments, an array 254 elements.
_MOST_ARGUMENTS, _MOST_ELEMENTS = 127, 254
# Expressions of Trino's grammar that look like calls, but are not.
_FORMS = (exp.Coalesce, exp.Struct, exp.JSONObject, exp.Format)
_FORM_NAMES = frozenset({"json_array"})
_RELATIONS = (exp.Table, exp.Subquery, exp.Unnest, exp.Values, exp.Lateral)


def refuse_foreign(query: exp.Expr) -> None:
    """QueryFailedError, as in Athena, if a query uses a name that Athena does not have, at any depth."""
    for node in query.walk():
        if isinstance(node, exp.Lateral | exp.Table):
            _check_relation(node)
        elif isinstance(node, exp.From | exp.Join):
            if not isinstance(node.this, _RELATIONS):
                raise _no_statement(node.this)
        elif isinstance(node, exp.CTE | exp.Subquery):
            if not isinstance(node.this, exp.Query | exp.Table | exp.Values):
                raise _no_statement(node.this)
        elif isinstance(node, exp.Func):
            _check_function(node)
            _check_arguments(node)


def _check_relation(node: exp.Table | exp.Lateral) -> None:
    inside = node.this
    if isinstance(node, exp.Table) and not isinstance(inside, exp.Identifier):
        name = inside.name or type(inside).__name__
        raise QueryFailedError("FUNCTION_NOT_FOUND", f"line 1:15: Table function '{name.lower()}' not registered")
    if isinstance(node, exp.Lateral) and not isinstance(inside, exp.Unnest | exp.Subquery):
        raise QueryFailedError(
            "FUNCTION_NOT_FOUND", f"line 1:15: Table function '{inside.name.lower()}' not registered"
        )


def _check_function(node: exp.Func) -> None:
    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
        allowed = node.name.lower() in FUNCTIONS
    else:
        allowed = _is_trinos(type(node))
    if not allowed:
        name = node.name if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc) else node.sql_name()
        raise QueryFailedError("FUNCTION_NOT_FOUND", f"line 1:8: Function '{name.lower()}' not registered")


def _check_arguments(node: exp.Func) -> None:
    if isinstance(node, exp.Array):
        if len(node.expressions) > _MOST_ELEMENTS:
            raise QueryFailedError("TOO_MANY_ARGUMENTS", "Too many arguments for array constructor")
        return
    if isinstance(node, _FORMS) or len(node.expressions) + isinstance(node.this, exp.Expr) <= _MOST_ARGUMENTS:
        return
    name = (node.name if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc) else node.sql_name()).lower()
    if name not in _FORM_NAMES:
        raise QueryFailedError("TOO_MANY_ARGUMENTS", f"line 1:8: Too many arguments for function call {name}()")


def _no_statement(node: exp.Expr) -> QueryFailedError:
    return QueryFailedError(
        "SYNTAX_ERROR", f"line 1:15: mismatched input '{node.sql('trino')[:40]}'. Expecting: <query>"
    )


@functools.cache
def _is_trinos(kind: type[exp.Func]) -> bool:
    names = {name.lower() for name in kind.sql_names()}
    return bool(names & FUNCTIONS) or bool(names & _SYNTAX_NAMES) or kind in _classes()


@functools.cache
def _classes() -> frozenset[type[exp.Func]]:
    """Returns sqlglot's classes of Trino's functions and syntax, collected by parsing calls of them."""
    trino = Trino()
    known = {name.lower() for name in (*TrinoParser.FUNCTIONS, *TrinoParser.FUNCTION_PARSERS)} & FUNCTIONS
    calls = [f"{name}({arguments})" for name in known for arguments in _ARGUMENTS]
    classes: set[type[exp.Func]] = set()
    for text in (*calls, *_SYNTAX):
        try:
            trees = trino.parse(f"SELECT {text}", error_level=ErrorLevel.RAISE)
        except SqlglotError:  # a call with another number of arguments
            continue
        classes.update(type(node) for tree in trees if tree for node in tree.walk() if isinstance(node, exp.Func))
    return frozenset(classes - {exp.Anonymous, exp.AnonymousAggFunc})
