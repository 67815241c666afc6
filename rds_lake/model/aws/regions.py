"""Names of AWS's Regions: which text is none, and which one was probably meant.

The list of Regions is that of the installed botocore, and AWS opens new ones: a name of their form that is not in the list may be
right, so it is only remarked upon. What is wrong in most misspelt names, the word of the direction, is no Region's at all.

What belongs here: judging names. The list is read in `config/lake.py`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from difflib import SequenceMatcher, get_close_matches

# eu-central-1, us-gov-west-1, eusc-de-east-1: https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
_FORM = re.compile(r"[a-z]{2,4}(-[a-z]{2,5})?-(north|south|central|(north|south)?(east|west))-[0-9]{1,2}")


def region_problem(text: str, known: Collection[str]) -> str | None:
    """Returns what is wrong with a text that cannot be a Region's name, with the nearest of `known`."""
    if text in known or _FORM.fullmatch(text):
        return None
    nearest = _nearest(text, known)
    return f"{text!r} is not an AWS Region; {f'did you mean {nearest}?' if nearest else 'write one such as `eu-central-1`'}"


def region_notice(text: str, known: Collection[str]) -> str | None:
    """Returns what is to be said of a name that has the form of a Region's and is not among `known`."""
    if text in known:
        return None
    nearest = _nearest(text, known)
    meant = f"did you mean {nearest}? If" if nearest else "if"
    return (
        f"the installed botocore does not know this AWS Region; {meant} it is new, it can be used, and `pip install --upgrade "
        "botocore` ends this warning"
    )


def _nearest(text: str, known: Collection[str]) -> str:
    """Returns `` `us-east-1` or `us-west-1` ``, where several are as near as each other; empty where none is near."""
    wanted = text.strip().lower().replace("_", "-")
    near = get_close_matches(wanted, known)
    likeness = {name: SequenceMatcher(None, name, wanted).ratio() for name in near}
    return " or ".join(f"`{name}`" for name in sorted(near) if likeness[name] == max(likeness.values()))
