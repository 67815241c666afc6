"""TO_CHAR, TO_DATE, TO_TIMESTAMP and TO_NUMBER: translates a literal format to an expression.

(https://docs.aws.amazon.com/redshift/latest/dg/r_FORMAT_strings.html, r_Numeric_formating.html) Unsupported elements are refused,
and formats that are not literals.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlglot import exp

from rds_lake.localcloud.redshift.errors import StatementFailedError, not_here
from rds_lake.localcloud.redshift.sql.building import call, cast, constant_text, number, sql, text
from rds_lake.localcloud.redshift.sql.decimals import FLOATS, size_of
from rds_lake.localcloud.redshift.sql.oracle import Oracle

# Element -> DuckDB's expression of a timestamp.
_SHOWN = {
    "YYYY": "strftime($t, '%Y')", "YY": "strftime($t, '%y')", "MM": "strftime($t, '%m')", "DDD": "strftime($t, '%j')",
    "DD": "strftime($t, '%d')", "HH24": "strftime($t, '%H')", "HH12": "strftime($t, '%I')", "HH": "strftime($t, '%I')",
    "MI": "strftime($t, '%M')", "SS": "strftime($t, '%S')", "MS": "strftime($t, '%g')", "US": "strftime($t, '%f')",
    "MONTH": "rpad(upper(monthname($t)), 9, ' ')", "Month": "rpad(monthname($t), 9, ' ')",
    "month": "rpad(lower(monthname($t)), 9, ' ')", "MON": "upper(left(monthname($t), 3))", "Mon": "left(monthname($t), 3)",
    "mon": "lower(left(monthname($t), 3))", "DAY": "rpad(upper(dayname($t)), 9, ' ')", "Day": "rpad(dayname($t), 9, ' ')",
    "day": "rpad(lower(dayname($t)), 9, ' ')", "DY": "upper(left(dayname($t), 3))", "Dy": "left(dayname($t), 3)",
    "dy": "lower(left(dayname($t), 3))", "D": "CAST(dayofweek($t) + 1 AS VARCHAR)", "ID": "CAST(isodow($t) AS VARCHAR)",
    "Q": "CAST(quarter($t) AS VARCHAR)", "IW": "strftime($t, '%V')", "IYYY": "strftime($t, '%G')",
    "AM": "strftime($t, '%p')", "PM": "strftime($t, '%p')", "am": "lower(strftime($t, '%p'))", "pm": "lower(strftime($t, '%p'))",
}  # fmt: skip
# For reading: element -> pattern of its text.
_READ = {
    "YYYY": r"(\d{4})", "MM": r"(\d{1,2})", "DD": r"(\d{1,2})", "HH24": r"(\d{1,2})", "MI": r"(\d{1,2})", "SS": r"(\d{1,2})",
    "MON": r"([A-Za-z]{3})", "MONTH": r"([A-Za-z]+)",
}  # fmt: skip
_LETTERS = re.compile(r'"[^"]*"|[A-Za-z]+\d*|[^A-Za-z"]+')
_ELEMENTS = sorted(_SHOWN, key=len, reverse=True)
_MASK = re.compile(r"(?P<money>[$Ll]?)\s?(?P<first>S?)(?P<whole>[90G,]+)(?P<part>[D.][90]+)?(?P<last>S|MI)?")
# Elements that begin like a supported one, and mean something else.
_MISREAD = ("SSSS", "IDDD", "IDY")
_MONTHS = "['jan','feb','mar','apr','may','jun','jul','aug','sep','oct','nov','dec']"


def to_char(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    """https://docs.aws.amazon.com/redshift/latest/dg/r_TO_CHAR.html"""
    value, form = arguments[0], constant_text(arguments[1], "the format of TO_CHAR")
    kind = types.of(value)
    if size_of(kind) is not None or kind in FLOATS:
        return _number_text(value, form)
    at = call("lc_ts", value)
    pieces = [sql(_SHOWN[p], t=at) if known else text(p) for p, known in _pieces(form, _ELEMENTS)]
    return exp.paren(_joined(pieces or [text("")]))


def to_date(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    """https://docs.aws.amazon.com/redshift/latest/dg/r_TO_DATE_function.html"""
    return cast(_moment(arguments, "TO_DATE", types), "DATE")


def to_timestamp(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    """https://docs.aws.amazon.com/redshift/latest/dg/r_TO_TIMESTAMP.html"""
    return cast(_moment(arguments, "TO_TIMESTAMP", types), "TIMESTAMPTZ")


def _moment(arguments: Sequence[exp.Expr], name: str, types: Oracle) -> exp.Expr:
    """Returns the timestamp in a text. A value that is too large carries over: 31 June is 1 July. `is_strict` refuses it."""
    strict = len(arguments) > 2 and arguments[2].sql().lower() == "true"
    value, pieces = arguments[0], _pieces(constant_text(arguments[1], f"the format of {name}").upper(), list(_READ))
    pattern, group = "", {}
    for piece, known in pieces:
        if known:
            group[piece] = len(group) + 1
        pattern += _READ[piece] if known else re.escape(piece).replace("\\ ", " ")
    given = text(rf"^\s*{pattern}")

    def part(*names: str) -> str:
        numbers = [group[each] for each in names if each in group]
        return f"regexp_extract($x, $p, {numbers[0]})" if numbers else ""

    month = _month(part("MM"), part("MON", "MONTH"))
    timestamp = (
        f"make_timestamp(CAST({part('YYYY') or 1} AS BIGINT), 1, 1, 0, 0, 0) + to_months(CAST({month} AS INTEGER) - 1)"
        f" + to_days(CAST({part('DD') or 1} AS INTEGER) - 1) + to_hours(CAST({part('HH24') or 0} AS INTEGER))"
        f" + to_minutes(CAST({part('MI') or 0} AS INTEGER)) + to_seconds(CAST({part('SS') or 0} AS INTEGER))"
    )
    bad = f"error('redshift: Date value or format of {name} is invalid: ' || $x)"
    checks = ["regexp_matches($x, $p)"]
    if strict:
        checks += [
            f"CAST({part('HH24') or 0} AS INTEGER) < 24",
            f"day({timestamp}) = CAST({part('DD') or 1} AS INTEGER)",
        ]
    whole = f"CASE WHEN $x IS NULL THEN NULL WHEN {' AND '.join(checks)} THEN {timestamp} ELSE {bad} END"
    return sql(whole, x=cast(value, "VARCHAR"), p=given)


def _month(digits: str, letters: str) -> str:
    return digits or (f"list_position({_MONTHS}, lower(left({letters}, 3)))" if letters else "1")


def _pieces(form: str, elements: Sequence[str]) -> list[tuple[str, bool]]:
    """Returns a format's elements (True) and plain texts (False). StatementFailedError for an unsupported element."""
    pieces: list[tuple[str, bool]] = []
    for word in _LETTERS.findall(form):
        if word.startswith('"'):
            pieces.append((word[1:-1], False))
            continue
        rest = word
        while rest and rest[0].isalpha():
            element = next((e for e in elements if rest.startswith(e)), "")
            upper = next((e for e in elements if rest.upper().startswith(e)), "")
            chosen = element if len(element) >= len(upper) else upper
            if not chosen or rest.upper().startswith(_MISREAD):
                raise not_here(f"the format element {rest!r} is not supported")
            pieces.append((chosen, True))
            rest = rest[len(chosen) :]
        if rest:
            pieces.append((rest, False))
    return pieces


def _joined(pieces: Sequence[exp.Expr]) -> exp.Expr:
    whole = pieces[0]
    for piece in pieces[1:]:
        whole = exp.DPipe(this=whole, expression=piece)
    return whole


def _number_text(value: exp.Expr, form: str) -> exp.Expr:
    """Returns a number as a text, by a mask of 9, 0, G or comma, D or point, S, MI, L and $."""
    match = _MASK.fullmatch(form)
    if match is None or (match["first"] and match["last"]):
        raise not_here(f"the numeric format {form!r} is not supported; its elements are 9 0 , G . D S MI L $")
    mask, scale = match["whole"].replace(",", "G"), len(match["part"] or "D") - 1
    width = len(mask.replace("G", ""))
    zeros = len(mask[mask.index("0") :].replace("G", "")) if "0" in mask else 0
    rounded = sql(f"abs(round(CAST($x AS DECIMAL(38,{max(scale, 10)})), {scale}))", x=value)
    whole = sql("CAST(CAST(trunc($r) AS DECIMAL(38,0)) AS VARCHAR)", r=rounded)
    if scale:
        whole = sql("CASE WHEN $w = '0' THEN '' ELSE $w END", w=whole)
    filled = call("lc_fill", whole, text(mask), number(zeros), number(width))
    hashes = text("#" * width)
    body = sql(f"CASE WHEN length($w) > {width} THEN $h ELSE $f END", w=whole, h=hashes, f=filled)
    if scale:
        digits = f"lpad(CAST(CAST(round(($r - trunc($r)) * 1e{scale}) AS BIGINT) AS VARCHAR), {scale}, '0')"
        body = exp.paren(exp.DPipe(this=exp.DPipe(this=body, expression=text(".")), expression=sql(digits, r=rounded)))
    return exp.paren(_signed(body, value, match))


def _signed(body: exp.Expr, value: exp.Expr, match: re.Match[str]) -> exp.Expr:
    width = len(match["whole"]) + len(match["part"] or "")
    if match["last"]:
        plus = "+" if match["last"] == "S" else " "
        shown = sql(f"$b || CASE WHEN $x < 0 THEN '-' ELSE '{plus}' END", b=body, x=value)
    else:
        plus = "+" if match["first"] else " "
        sign = f"CASE WHEN $x < 0 THEN '-' ELSE '{plus}' END"
        shown = sql(f"lpad({sign} || ltrim($b), {width + 1}, ' ')", b=body, x=value)
    return exp.DPipe(this=text("$"), expression=shown) if match["money"] else shown


def to_number(arguments: Sequence[exp.Expr], types: Oracle) -> exp.Expr:
    """https://docs.aws.amazon.com/redshift/latest/dg/r_TO_NUMBER.html"""
    form = constant_text(arguments[1], "the format of TO_NUMBER")
    match = _MASK.fullmatch(form)
    if match is None:
        raise StatementFailedError(
            f"The local cloud's limit, not Redshift's: the numeric format {form!r} is not supported"
        )
    scale = len(match["part"] or "D") - 1
    digits = len(match["whole"].replace(",", "").replace("G", "")) + scale
    plain = f"CAST(regexp_replace($x, '[^0-9.]', '', 'g') AS DECIMAL({digits},{scale}))"
    return sql(f"CASE WHEN contains($x, '-') THEN -{plain} ELSE {plain} END", x=arguments[0])
