"""Numbers with their nouns, for messages: `1 date`, `2 dates`, `61,500 rows`.

What belongs here: words of every message. Sentences are where they are said.
"""

from __future__ import annotations


def counted(number: int, noun: str, verb: str = "", verbs: str = "") -> str:
    """`1 date`, `61,500 dates`; with the verb of one and that of many: `1 date stays`, `2 dates stay`."""
    one = number == 1
    words = f"{number:,} {noun}{'' if one else 's'}"
    return f"{words} {verb if one else verbs}" if verb else words
