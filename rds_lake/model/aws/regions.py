"""Checks the names of AWS Regions, and suggests the most similar one.

The known Regions are those of the installed botocore. AWS opens new ones, so an unknown name of the right form is only a notice.
Most misspelt names do not have this form, because their direction (`central`, `west`) is not a word that AWS uses.

What belongs here: checking names. `config/lake.py` reads the list.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from difflib import SequenceMatcher, get_close_matches

# eu-central-1, us-gov-west-1, eusc-de-east-1: https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
_FORM = re.compile(r"[a-z]{2,4}(-[a-z]{2,5})?-(north|south|central|(north|south)?(east|west))-[0-9]{1,2}")


def region_problem(text: str, known: Collection[str]) -> str | None:
    """Returns the problem of a text that cannot be the name of a Region, with the most similar of `known`; otherwise None."""
    if text in known or _FORM.fullmatch(text):
        return None
    nearest = _nearest(text, known)
    return f"{text!r} is not an AWS Region; {f'did you mean {nearest}?' if nearest else 'write one such as `eu-central-1`'}"


def region_notice(text: str, known: Collection[str]) -> str | None:
    """Returns a notice about a name that is not in `known`, with the most similar of them; otherwise None."""
    if text in known:
        return None
    nearest = _nearest(text, known)
    meant = f"did you mean {nearest}? If" if nearest else "if"
    return (
        f"the installed botocore does not know this AWS Region; {meant} it is new, it can be used, and `pip install --upgrade "
        "botocore` ends this warning"
    )


def _nearest(text: str, known: Collection[str]) -> str:
    """Returns the most similar names, joined by `or` if several are equally similar; empty if none is similar."""
    wanted = text.strip().lower().replace("_", "-")
    near = get_close_matches(wanted, known)
    likeness = {name: SequenceMatcher(None, name, wanted).ratio() for name in near}
    return " or ".join(f"`{name}`" for name in sorted(near) if likeness[name] == max(likeness.values()))
