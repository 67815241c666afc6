"""Redshift's functions that DuckDB does not have, or that return other results in DuckDB.

A macro may have several forms with typed arguments: DuckDB takes the one that fits. Functions with a constant argument (a format,
a unit) are translated in `formats.py` and `times/datetimes.py`.
"""

from __future__ import annotations

import string

from rds_lake.localcloud.redshift.sql.casting import RAISED, casts

_MONTHS = "((year(a) - year(b)) * 12 + month(a) - month(b))"
_SECONDS = "(day(a) * 86400 + epoch(a - date_trunc('day', a)) - day(b) * 86400 - epoch(b - date_trunc('day', b)))"
_LIMIT = "redshift: The local cloud''s limit, not Redshift''s: "
_OFFSETS = {
    "HST": -10, "AKST": -9, "AKDT": -8, "PST": -8, "PDT": -7, "MST": -7, "MDT": -6, "CST": -6, "CDT": -5, "EST": -5, "EDT": -4,
    "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "JST": 9,
}  # fmt: skip
_ABBREVIATED = dict.fromkeys(("UTC", "GMT", "UCT", "Z"), "UTC") | {
    word: f"Etc/GMT{-hours:+d}" for word, hours in _OFFSETS.items()
}
_CASTS: tuple[str, ...] = (
    *casts(),
    *casts(trying=True),
    "lc_ts(x VARCHAR) AS lc_timestamp_of(x), (x DATE) AS CAST(x AS TIMESTAMP), (x TIMESTAMPTZ) AS x AT TIME ZONE 'UTC', (x) AS x",
    """lc_dt(x VARCHAR) AS lc_date(x), (x TIMESTAMP) AS CAST(x AS DATE),
        (x TIMESTAMPTZ) AS CAST(x AT TIME ZONE 'UTC' AS DATE), (x) AS x""",
    "lc_float_text(x) AS regexp_replace(CAST(x AS VARCHAR), '\\.0$', '')",
    # A character of several bytes is kept as a whole or not at all.
    """lc_cut(x, n) AS CASE WHEN strlen(x) <= n THEN x WHEN strlen(x) = length(x) THEN left(x, n)
        ELSE coalesce(lc_cut_at(x, n), lc_cut_at(x, n - 1), lc_cut_at(x, n - 2), lc_cut_at(x, n - 3)) END""",
    # NULL if the cut would be inside a character.
    "lc_cut_at(x, n) AS CASE WHEN hex(encode(x)[n + 1:n + 1]) NOT BETWEEN '80' AND 'BF' THEN decode(encode(x)[1:n]) END",
)
_STORED: tuple[str, ...] = (
    f"""lc_store_varchar(x, n, words) AS CASE WHEN x IS NULL OR strlen(x) <= n THEN x
        WHEN strlen(rtrim(x, ' ')) <= n THEN left(x, length(x) - (strlen(x) - n))
        ELSE error('{RAISED}value too long for type ' || words) END""",
    f"""lc_store_char(x, n, words) AS CASE WHEN x IS NULL THEN x WHEN strlen(x) <> length(x)
        THEN error('{RAISED}CHAR string contains invalid ASCII character') WHEN strlen(rtrim(x, ' ')) <= n THEN rtrim(x, ' ')
        ELSE error('{RAISED}value too long for type ' || words) END""",
)
_BYTES: tuple[str, ...] = (
    f"""lc_store_bytes(x, n, words) AS CASE WHEN x IS NULL OR octet_length(x) <= n THEN x
        ELSE error('{RAISED}value too long for type ' || words) END""",
)
_TEXTS: tuple[str, ...] = (
    # Trailing blanks do not count in comparisons.
    "lc_key(x VARCHAR) AS rtrim(x, ' '), (x) AS x",
    # Only blanks: without a list of characters DuckDB removes every kind of space.
    "lc_trim(x) AS trim(x, ' '), (x, c) AS trim(x, c)",
    "lc_ltrim(x) AS ltrim(x, ' '), (x, c) AS ltrim(x, c)",
    "lc_rtrim(x) AS rtrim(x, ' '), (x, c) AS rtrim(x, c)",
    f"lc_ascii_lower(x) AS translate(x, '{string.ascii_uppercase}', '{string.ascii_lowercase}')",
    """lc_listed(x) AS CASE WHEN strlen(x) > 65535 THEN error('redshift: Result size exceeds LISTAGG limit') ELSE x END""",
    "lc_left(x, n) AS CASE WHEN n < 0 THEN '' ELSE left(x, n) END",
    "lc_right(x, n) AS CASE WHEN n < 0 THEN '' ELSE right(x, n) END",
    """lc_substring(x, a) AS substring(x, greatest(a, 1)),
        (x, a, n) AS CASE WHEN n < 0 THEN error('redshift: negative substring length not allowed')
        ELSE substring(x, greatest(a, 1), CAST(greatest(0, a + n - greatest(a, 1)) AS BIGINT)) END""",
    "lc_lpad(x, n) AS lpad(x, n, ' '), (x, n, c) AS lpad(x, n, c)",
    "lc_rpad(x, n) AS rpad(x, n, ' '), (x, n, c) AS rpad(x, n, c)",
    """lc_split_part(x, d, n) AS CASE WHEN n < 1 THEN error('redshift: field position must be greater than zero')
        ELSE split_part(x, d, n) END""",
    "lc_concat(a, b) AS a || b",
    "lc_charindex(a, b) AS strpos(b, a)",
    "lc_octetindex(a, b) AS CASE WHEN strpos(b, a) = 0 THEN 0 ELSE strlen(left(b, strpos(b, a) - 1)) + 1 END",
    "lc_bpcharcmp(a, b) AS CASE WHEN rtrim(a, ' ') = rtrim(b, ' ') THEN 0 WHEN rtrim(a, ' ') > rtrim(b, ' ') THEN 1 ELSE -1 END",
    "lc_compare(a, b) AS CASE WHEN a = b THEN 0 WHEN a > b THEN 1 WHEN a < b THEN -1 END",
    """lc_quote_ident(x) AS CASE WHEN regexp_full_match(x, '[a-z_][a-z0-9_]*') THEN x
        ELSE '"' || replace(x, '"', '""') || '"' END""",
    "lc_quote_literal(x) AS '''' || replace(x, '''', '''''') || ''''",
    """lc_strtol(x, base) AS CASE WHEN x IS NULL THEN NULL
        WHEN regexp_full_match(lower(x), '-?(0x)?[0-9a-z]+') AND list_max(lc_digits(x)) < base
        THEN CAST((CASE WHEN x LIKE '-%' THEN -1 ELSE 1 END) * list_reduce(list_transform(lc_digits(x), lambda d: CAST(d AS HUGEINT)),
            lambda a, d: a * base + d) AS BIGINT)
        ELSE error('redshift: The input ' || x || ' is not valid to be converted to base ' || base) END""",
    """lc_digits(x) AS list_transform(str_split(regexp_replace(lower(x), '^-?(0x)?', ''), ''),
        lambda c: strpos('0123456789abcdefghijklmnopqrstuvwxyz', c) - 1)""",
    "lc_to_hex(x BLOB) AS lower(hex(x)), (x) AS lower(to_base(x, 16))",
    """lc_initcap(x) AS array_to_string(list_transform(regexp_extract_all(x, '[\\p{L}\\p{N}]+|[^\\p{L}\\p{N}]+'),
        lambda w: upper(left(w, 1)) || lower(substring(w, 2))), '')""",
)
_DATES: tuple[str, ...] = (
    """lc_add_months(x, n) AS CASE WHEN CAST(x AS DATE) = last_day(x)
        THEN CAST(last_day(x + to_months(CAST(n AS INTEGER))) AS TIMESTAMP) + (x - date_trunc('day', x))
        ELSE x + to_months(CAST(n AS INTEGER)) END""",
    """lc_add_years(x, n) AS CASE WHEN month(x) = 2 AND day(x) = 29
        THEN x - INTERVAL 1 DAY + to_years(CAST(n AS INTEGER)) + INTERVAL 1 DAY
        ELSE x + to_years(CAST(n AS INTEGER)) END""",
    f"""lc_months_between(a, b) AS CASE WHEN day(a) = day(b) OR (CAST(a AS DATE) = last_day(a) AND CAST(b AS DATE) = last_day(b))
        THEN CAST({_MONTHS} AS DOUBLE) ELSE {_MONTHS} + {_SECONDS} / (31.0::DOUBLE * 86400) END""",
    """lc_weekday(d) AS CASE WHEN length(d) < 2 THEN NULL ELSE list_position(list_transform(
        ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'],
        lambda w: starts_with(w, lower(d))), true) - 1 END""",
    """lc_next_day(x, d) AS CASE WHEN lc_weekday(d) IS NULL THEN error('redshift: Not a valid day name: ' || d)
        ELSE CAST(x + CAST(((lc_weekday(d) - dayofweek(x) + 6) % 7) + 1 AS INTEGER) AS DATE) END""",
    # https://docs.aws.amazon.com/redshift/latest/dg/time-zone-abbrevs.html: fixed offsets, without summer time.
    f"""lc_zone(z) AS CASE {" ".join(f"WHEN upper(z) = '{word}' THEN '{name}'" for word, name in _ABBREVIATED.items())}
        WHEN regexp_full_match(z, '[A-Z]{{2,5}}') THEN error('{_LIMIT}the time zone ' || z || ' is not supported')
        WHEN regexp_matches(z, '^[A-Za-z]{{3,5}}[-+]?[0-9]') THEN error('{_LIMIT}a POSIX time zone (' || z || ') is not supported')
        ELSE z END""",
    "lc_zoned(x, a, b) AS ((CAST(x AS TIMESTAMP) AT TIME ZONE a) AT TIME ZONE b)",
)
_NUMBERS: tuple[str, ...] = (
    # The digits of a DECIMAL without the decimal point, exact at any size.
    "lc_unscaled(x) AS CAST(replace(CAST(x AS VARCHAR), '.', '') AS HUGEINT)",
    "lc_power_text(n) AS CAST('1' || repeat('0', n) AS HUGEINT)",
    "lc_padded(t, zeros, width) AS lpad(lpad(t, CAST(greatest(zeros, length(t)) AS INTEGER), '0'), width, ' ')",
    "lc_digit(t, mask, i) AS substr(t, length(replace(left(mask, i), 'G', '')), 1)",
    """lc_fill(t, mask, zeros, width) AS array_to_string(list_transform(str_split(mask, ''), lambda c, i:
        CASE WHEN c <> 'G' THEN lc_digit(lc_padded(t, zeros, width), mask, i)
        WHEN lc_digit(lc_padded(t, zeros, width), mask, i) = ' ' THEN ' ' ELSE ',' END), '')""",
)
_OUTSIDE = "regexp_replace(j, '\"([^\"\\\\]|\\\\.)*\"', '', 'g')"
_JSON: tuple[str, ...] = (
    # DuckDB's parser takes more than JSON: trailing commas, comments, NaN. They are searched outside of quotes.
    rf"lc_json_valid(j) AS json_valid(j) AND NOT regexp_matches({_OUTSIDE}, ',\s*[\]}}]|/|(?i)nan|inf')",
    "lc_json_of(j) AS CASE WHEN j IS NULL OR lc_json_valid(j) THEN j ELSE error('redshift: JSON parsing error') END",
    """lc_json_at(j, p) AS CASE WHEN json_type(json_extract(j, p)) = 'NULL' THEN NULL ELSE json_extract_string(j, p) END""",
    """lc_json_array(j) AS CASE WHEN j IS NULL THEN NULL WHEN lc_json_valid(j) AND json_type(j) = 'ARRAY' THEN j
        ELSE error('redshift: JSON parsing error') END""",
    """lc_json_element(j, i) AS CASE WHEN i >= 0 THEN lc_json_at(lc_json_array(j), '$[' || i || ']') END,
        (j, i, lenient) AS CASE WHEN i < 0 OR (lenient AND NOT lc_json_valid(j)) THEN NULL
        ELSE lc_json_at(lc_json_array(j), '$[' || i || ']') END""",
    """lc_json_length(j) AS json_array_length(lc_json_array(j)),
        (j, lenient) AS CASE WHEN lenient AND NOT lc_json_valid(j) THEN NULL ELSE json_array_length(lc_json_array(j)) END""",
    "lc_is_json(j) AS lc_json_valid(j) AND json_type(CASE WHEN lc_json_valid(j) THEN j END) = 'OBJECT'",
    "lc_is_json_array(j) AS lc_json_valid(j) AND json_type(CASE WHEN lc_json_valid(j) THEN j END) = 'ARRAY'",
)

MACROS: tuple[str, ...] = (*_CASTS, *_STORED, *_BYTES, *_TEXTS, *_DATES, *_NUMBERS, *_JSON)
