"""llms.txt (https://llmstxt.org): the pages of the site, each with its first sentence, for programs that read text.

What belongs here: text from texts. Who lists the pages is the hook of the site.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_END = re.compile(r"(?<=[.:])\s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A page: the part of the site that it is in, its title, where its Markdown is, and the Markdown."""

    section: str
    title: str
    address: str
    text: str


def llms_text(name: str, about: str, entries: Sequence[Entry]) -> str:
    """The file; pages keep their order."""
    parts = [f"# {name}\n\n> {about}\n"]
    for section, pages in groupby(entries, key=lambda entry: entry.section):
        lines = [f"- [{page.title}]({page.address}): {first_sentence(page.text)}" for page in pages]
        parts.append(f"## {section}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def first_sentence(markdown: str) -> str:
    """Of the page's first paragraph of prose, without links and marks."""
    for paragraph in re.split(r"\n\s*\n", markdown):
        is_prose = paragraph[:1].strip() and not paragraph.startswith(("#", "|", "!", ">", "<", "```", "- "))
        if is_prose:
            words = _LINK.sub(r"\1", " ".join(paragraph.split())).replace("**", "")
            return _END.split(words, maxsplit=1)[0].rstrip(":")
    return ""
