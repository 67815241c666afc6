"""The code blocks of the documents: fenced ones with their language, and indented ones, which have none."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:\A|(?<=\n\n))(?: {4,}\S.*\n(?:(?: {4,}.*)?\n)*)")
_INLINE = re.compile(r"(?<!`)`(rds-lake [^`\n]+)`(?!`)")
# What may stand before a command of ours in a line of the shell.
_BEFORE = re.compile(r"^(?:until |eval \"\$\(|\w+=\S+ )*(?:\.venv/bin/)?(?=rds-lake )")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A code block of a page. `language` is empty where it is indented."""

    page: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: {self.text.strip().splitlines()[0]}"


def pages(root: Path) -> list[Path]:
    """Every page of the site that is a file, README with them."""
    return [root / "README.md", *sorted(root.joinpath("docs").rglob("*.md"))]


def blocks(root: Path) -> list[Block]:
    """Every code block of every page."""
    return [
        block for path in pages(root) for block in _of(str(path.relative_to(root)), path.read_text(encoding="utf-8"))
    ]


def _of(page: str, text: str) -> Iterator[Block]:
    for match in _FENCE.finditer(text):
        yield Block(page=page, language=match["language"] or "none", text=_dedented(match["text"]))
    for match in _INDENTED.finditer(_FENCE.sub("", text)):
        yield Block(page=page, language="", text=_dedented(match[0]))


def of_page(root: Path, name: str, language: str = "bash") -> list[Block]:
    """The fenced blocks of a page, in their order."""
    return [block for block in blocks(root) if block.page == name and block.language == language]


def commands(text: str) -> Iterator[list[str]]:
    """The words of every `rds-lake …` in lines of the shell, behind what may stand before it; without remarks."""
    for line in text.replace("\\\n", " ").splitlines():
        if match := _BEFORE.match(line.strip().removeprefix("$ ")):
            yield words(line.strip().removeprefix("$ ")[match.end() :])


def inline_commands(text: str) -> Iterator[str]:
    """Every `rds-lake …` within sentences."""
    yield from _INLINE.findall(_FENCE.sub("", text))


def words(command: str) -> list[str]:
    """The words of one command, up to what the shell does with it."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split, lexer.commenters = True, "#"
    taken: list[str] = []
    for word in lexer:
        if set(word) <= set("();<>|&"):
            break
        taken.append(word)
    return taken[1:]


def _dedented(text: str) -> str:
    lines = text.splitlines()
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[indent:] for line in lines).rstrip() + "\n"


def shell_lines(texts: Sequence[str]) -> Iterator[str]:
    """Every line of the shell that is a command, with continued ones joined."""
    for text in texts:
        for line in text.replace("\\\n", " ").splitlines():
            if line.strip() and not line.startswith("#"):
                yield line.strip()
