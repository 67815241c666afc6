"""HTML by functions. All text is escaped; only `Html` values are inserted unchanged.

    element("td", table.view, klass="n")        <td class="n">&lt;script&gt;</td>

Optional end tags are left out, as a page has ten thousand cells.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

# https://html.spec.whatwg.org/multipage/syntax.html#optional-tags
_OPEN = frozenset({"td", "th", "tr", "li", "p", "dt", "dd", "thead", "tbody"})
_VOID = frozenset({"meta"})
_OF_SVG = frozenset({"path"})  # without content: closed as in XML
# Characters that no HTML document may have: a browser would show others in their place, or none.
_ILLEGAL = dict.fromkeys((*range(9), 11, 12, *range(14, 32), *range(127, 160), *range(0xD800, 0xE000)), "\ufffd")


class Html(str):
    """Text that is already HTML."""

    __slots__ = ()


def text(value: str) -> Html:
    """Returns the value escaped for text and for attributes in double quotes."""
    return value if isinstance(value, Html) else Html(escape(value.translate(_ILLEGAL)))


def element(name: str, /, *inner: str, **attributes: str) -> Html:
    """Returns one element. `klass` becomes the attribute `class`, and underscores become hyphens."""
    shown = "".join(
        f' {"class" if key == "klass" else key.replace("_", "-")}="{text(value)}"' for key, value in attributes.items()
    )
    if name in _OF_SVG:
        return Html(f"<{name}{shown}/>")
    end = "" if name in _OPEN or name in _VOID else f"</{name}>"
    return Html(f"<{name}{shown}>{''.join(map(text, inner))}{end}")


def joined(parts: Iterable[str]) -> Html:
    """Returns the parts, concatenated."""
    return Html("".join(map(text, parts)))


def table(
    heads: Iterable[str], rows: Iterable[Iterable[str]], *, cards: bool = False, numbers: frozenset[int] = frozenset()
) -> Html:
    """Returns a table. `numbers`: right-aligned columns. `cards`: on a phone, each row is a card with the column names."""
    names = list(heads)
    head = joined(element("th", name, **({"klass": "n"} if at in numbers else {})) for at, name in enumerate(names))
    body = Html("\n".join(element("tr", *_cells(names if cards else [], row, numbers)) for row in rows))
    of_class = {"klass": "cards"} if cards else {}
    return element("table", element("thead", element("tr", head)), element("tbody", body), **of_class)


def _cells(names: list[str], row: Iterable[str], numbers: frozenset[int]) -> Iterable[Html]:
    for at, value in enumerate(row):
        named: dict[str, str] = {"data_name": names[at]} if names else {}
        yield element("td", value, **named, **({"klass": "n"} if at in numbers else {}))


def document(title: str, style: str, body: str) -> str:
    """Returns a complete page for screens of any width. `style`: CSS."""
    head = joined(
        [
            element("meta", charset="utf-8"),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            # Nothing may be fetched, nor run, even if a name got past the escaping.
            element(
                "meta", http_equiv="Content-Security-Policy", content="default-src 'none'; style-src 'unsafe-inline'"
            ),
            element("title", title),
            element("style", Html(style)),
        ]
    )
    return f"<!doctype html>\n{element('html', element('head', head), element('body', body), lang='en')}\n"


def prose(sentence: str) -> Html:
    """Returns a sentence, with text between backticks as code."""
    parts = sentence.split("`")
    if len(parts) % 2 == 0:  # a single backtick belongs to a name
        return text(sentence)
    return joined(element("code", part) if at % 2 else part for at, part in enumerate(parts))
