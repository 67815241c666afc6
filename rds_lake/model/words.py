"""Numbers with their nouns, for messages: `1 date`, `2 dates`, `61,500 rows`.

What belongs here: numbers with nouns. Sentences are in the modules that use them.
"""

from __future__ import annotations


def counted(number: int, noun: str, verb: str = "", verbs: str = "") -> str:
    """Returns `1 date`, `61,500 dates`; with `verb` and `verbs` (its plural) `1 date stays`, `2 dates stay`."""
    one = number == 1
    words = f"{number:,} {noun}{'' if one else 's'}"
    return f"{words} {verb if one else verbs}" if verb else words
