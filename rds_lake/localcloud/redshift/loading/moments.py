"""Parses dates and times in files: in ISO's form, by DATEFORMAT or TIMEFORMAT, or by automatic recognition (`auto`).

(https://docs.aws.amazon.com/redshift/latest/dg/r_DATEFORMAT_and_TIMEFORMAT_strings.html,
https://docs.aws.amazon.com/redshift/latest/dg/automatic-recognition.html) `auto` recognises a part of Redshift's forms; any other
form is an error.
"""

from __future__ import annotations

import functools
import re
from datetime import UTC, date, datetime, time, timedelta

_PARTS = {
    "YYYY": "%Y", "YY": "%y", "MM": "%m", "MON": "%b", "MONTH": "%B", "DD": "%d", "HH24": "%H", "HH12": "%I", "HH": "%H",
    "MI": "%M", "SS": "%S", "AM": "%p", "PM": "%p", "MS": "%f", "US": "%f",
}  # fmt: skip
_WORDS = re.compile("|".join(sorted(_PARTS, key=len, reverse=True)) + "|[A-Za-z]+|%", re.IGNORECASE)
_ISO_DAY = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")
_ISO = re.compile(r"(\d{4}-\d{1,2}-\d{1,2})(?: +(\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)( ?[-+]\d{1,2}(?::?\d{2})?)?)?")
_AUTO_DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%m/%d/%Y", "%m-%d-%Y", "%m.%d.%Y", "%d-%b-%Y", "%b-%d-%Y", "%Y-%b-%d",
              "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%d %b %Y")  # fmt: skip
_AUTO = re.compile(
    r"(.*?\d{2,4})(?:[ T](\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)( ?[AP]M)?( ?[-+]\d{1,2}(?::?\d{2})?| ?UTC|Z)?)?",
    re.IGNORECASE,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@functools.lru_cache(maxsize=256)
def _pattern(form: str) -> str:
    """Returns strptime's pattern. ValueError for a part that is not supported here."""

    def part(match: re.Match[str]) -> str:
        word = match[0].upper()
        if word in _PARTS:
            return _PARTS[word]
        if word == "T":
            return "T"
        raise ValueError(f"{match[0]!r} in {form!r}")

    pattern = _WORDS.sub(part, form)
    return pattern.replace("%H", "%I") if "%p" in pattern else pattern


def day(text: str, form: str) -> date:
    """Returns a DATE, without the time of day that the text may contain. ValueError if it does not have the form."""
    if not form:
        if not _ISO_DAY.fullmatch(text):
            raise ValueError(text)
        return _iso_day(text)
    if form == "auto":
        return _auto(text)[0].date()
    return _read(text, _pattern(form)).date()


def moment(text: str, form: str, *, zoned: bool) -> datetime:
    """Returns a TIMESTAMP or, if `zoned`, a TIMESTAMPTZ. ValueError if the text does not have the form."""
    if form in ("epochsecs", "epochmillisecs"):
        result = _EPOCH + timedelta(**{"seconds" if form == "epochsecs" else "milliseconds": float(text)})
        return result if zoned else result.replace(tzinfo=None)
    if form and form != "auto":
        result = _read(text, _pattern(form))
        return result.replace(tzinfo=UTC) if zoned else result
    result, zone = _auto(text) if form else _plain(text)
    if zone and not zoned:
        raise ValueError(text)
    return _in_utc(result, zone) if zoned else result


def _read(text: str, pattern: str) -> datetime:
    return datetime.strptime(text, pattern)  # noqa: DTZ007 - a TIMESTAMP has no zone


def _plain(text: str) -> tuple[datetime, str]:
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return datetime.combine(_iso_day(match[1]), _time(match[2])), (match[3] or "").strip()


def _auto(text: str) -> tuple[datetime, str]:
    match = _AUTO.fullmatch(text)
    for form in _AUTO_DAYS if match is not None else ():
        try:
            parsed = _read(match[1].strip(), form)  # type: ignore[index]
        except ValueError:
            continue
        clock = _time(match[2], (match[3] or "").strip().upper())  # type: ignore[index]
        zone = (match[4] or "").strip().upper()  # type: ignore[index]
        return datetime.combine(parsed.date(), clock), "+00" if zone in ("Z", "UTC") else zone
    raise ValueError(text)


def _iso_day(text: str) -> date:
    year, month, number = map(int, text.split("-"))
    return date(year, month, number)


def _time(text: str | None, half: str = "") -> time:
    if not text:
        return time()
    hours, minutes, *rest = text.split(":")
    whole, _, fraction = (rest[0] if rest else "0").partition(".")
    hour = int(hours)
    if half:
        hour = hour % 12 + (12 if half == "PM" else 0)
    return time(hour, int(minutes), int(whole), int(fraction.ljust(6, "0")) if fraction else 0)


def _in_utc(local: datetime, zone: str) -> datetime:
    if not zone:
        return local.replace(tzinfo=UTC)
    digits = zone[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return (local - offset if zone[0] == "+" else local + offset).replace(tzinfo=UTC)
