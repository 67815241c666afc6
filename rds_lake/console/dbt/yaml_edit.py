"""Changes YAML as text: lines are inserted, single values replaced, and all other bytes stay as they are.

Writing a parsed document again would lose comments, and change quotes and indentation of other lines. So the parser (PyYAML,
which dbt also uses) only reports positions. The result is parsed again and compared with the wanted document, so an unsupported
form of YAML is refused and never damaged.

What belongs here: text. The wanted content of a file of sources is `merge.py`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from rds_lake.errors import ConfigError

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # thirty times as fast, if PyYAML has it
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")  # YAML 1.1, https://yaml.org/spec/1.1/#id871136


class _Dumper(yaml.SafeDumper):
    """Indents items of a list below a key, as in dbt's examples, and writes no aliases."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:  # noqa: ARG002
        return super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    """Escapes unusual line breaks: PyYAML would fold them within quotes, and they would be read back changed."""
    is_foreign = not text.replace("\n", "").isprintable()
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if is_foreign else None)


_Dumper.add_representer(str, _represent_text)


def read(text: str, *, where: str) -> Any:
    """Returns the document. ConfigError if it is not valid."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506 (a safe one)
    except yaml.YAMLError as error:
        raise ConfigError(f"{where} is not valid YAML and was not changed: {error}") from error


def extended(text: str, wanted: Any, *, where: str) -> str:
    """Returns the text changed to read as `wanted`, which may only add entries and replace single values.

    Lists may get items at their end, mappings may get keys. ConfigError if that is not possible line by line.
    """
    old = read(text, where=where)
    if old == wanted:
        return text
    if old is None:
        made = text + ("" if not text or text.endswith("\n") else "\n") + _dumped(wanted, 0, "\n")
    else:
        edits = _Edits.of(text)
        edits.change(yaml.compose(text, _Loader), old, wanted)
        made = edits.applied()
    if _read_quietly(made) != wanted:
        raise ConfigError(
            f"{where} was not changed: entries would have to be added where it has YAML aliases (`*name`) or brackets; write "
            "those out line by line, or use another --out"
        )
    return made


def _read_quietly(text: str) -> Any:
    try:
        return yaml.load(text, _Loader)  # noqa: S506 (a safe one)
    except yaml.YAMLError:
        return None


def _dumped(value: Any, indent: int, newline: str) -> str:
    text = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000_000, default_flow_style=False
    )
    return "".join(f"{' ' * indent}{line}{newline}" for line in text.removesuffix("\n").split("\n"))


def _bracketed(value: Any) -> str:
    """Returns JSON, which is valid YAML, with escapes only for characters that YAML does not allow."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)


def _scalar(value: Any, *, flow: bool) -> str:
    """Returns the value on one line; within brackets, a comma needs quotes."""
    if not isinstance(value, str):
        return json.dumps(value)
    made: Any = [value] if flow else {"a": value}
    text = yaml.dump(made, Dumper=_Dumper, allow_unicode=True, width=1_000_000, default_flow_style=flow)
    return text.strip()[1:-1] if flow else text.removeprefix("a: ").rstrip("\n")


@dataclass(slots=True)
class _Edits:
    """Replacements in a text, by offset. `starts`: the offset of each line's beginning."""

    text: str
    newline: str
    starts: list[int]
    edits: list[tuple[int, int, str]] = field(default_factory=list[tuple[int, int, str]])

    @classmethod
    def of(cls, text: str) -> _Edits:
        starts = [0, *(match.end() for match in _BREAK.finditer(text))]
        return cls(text=text, newline="\r\n" if "\r\n" in text else "\n", starts=starts)

    def change(self, node: yaml.Node, old: Any, new: Any, *, flow: bool = False) -> None:
        """Record the edits that change the node's value from `old` to `new`. `flow`: the node is within brackets."""
        if old == new:
            return
        if isinstance(node, yaml.MappingNode) and isinstance(new, dict) and old:
            self._change_mapping(node, old, new)
        elif isinstance(node, yaml.SequenceNode) and isinstance(new, list) and old:
            for child, before, after in zip(node.value, old, new, strict=False):
                self.change(child, before, after, flow=flow or bool(node.flow_style))
            self._add(node, list(new[len(old) :]))
        else:
            self._replace(node, new, flow=flow)

    def _change_mapping(self, node: yaml.MappingNode, old: dict[Any, Any], new: dict[Any, Any]) -> None:
        nodes = {key.value: (key, value) for key, value in node.value}
        added: dict[Any, Any] = {}
        for name, wanted in new.items():
            if name in old and old[name] == wanted:
                continue
            if name not in old or name not in nodes:
                added[name] = wanted
                continue
            key, value = nodes[name]
            if old[name] or not isinstance(wanted, dict | list) or not wanted or node.flow_style:
                self.change(value, old[name], wanted, flow=bool(node.flow_style))
            else:
                self._fill(key, value, wanted)
        self._add(node, added)

    def _fill(self, key: yaml.Node, value: yaml.Node, wanted: Any) -> None:
        """Add lines below a key without a value, or with `~`, `[]` or `{}`."""
        start, end = self._offset(value.start_mark), self._offset(value.end_mark)
        while start < end and self.text[start - 1] == " ":
            start -= 1
        self.edits.append((start, end, ""))
        self._insert_after(value, _dumped(wanted, key.start_mark.column + 2, self.newline))

    def _add(self, node: yaml.CollectionNode, added: Any) -> None:
        """Add entries at the end of a mapping or list that is not empty."""
        if not added:
            return
        if not node.flow_style:
            self._insert_after(node, _dumped(added, node.start_mark.column, self.newline))
            return
        close = self._offset(node.end_mark) - 1
        separator = "" if self.text[:close].rstrip().endswith(",") else ", "
        self.edits.append((close, close, separator + _bracketed(added)[1:-1]))

    def _replace(self, node: yaml.Node, new: Any, *, flow: bool) -> None:
        start, end = self._offset(node.start_mark), self._offset(node.end_mark)
        made = _bracketed(new) if isinstance(new, dict | list) else _scalar(new, flow=flow)
        lines = self.newline if getattr(node, "style", None) in ("|", ">") else ""
        # After a colon without a value there is no space yet.
        self.edits.append((start, end, (" " if start == end else "") + made + lines))

    def _insert_after(self, node: yaml.Node, lines: str) -> None:
        """Insert whole lines after the node's last line, before comments that belong to the next node."""
        last = _last(node)
        mark = last.end_mark
        if getattr(last, "style", None) in ("|", ">") and mark.column == 0:
            at = self._offset(mark)
        else:
            at = self.starts[mark.line + 1] if mark.line + 1 < len(self.starts) else len(self.text)
        missing = self.newline if at == len(self.text) and at > self.starts[-1] else ""
        self.edits.append((at, at, missing + lines))

    def _offset(self, mark: Any) -> int:
        return self.starts[mark.line] + mark.column

    def applied(self) -> str:
        """Returns the text with all edits. Insertions at the same place keep their order."""
        pieces: list[str] = []
        position = 0
        broken = False  # the last line had no line end before
        for start, end, new in sorted(self.edits, key=lambda edit: edit[:2]):
            pieces.append(self.text[position:start])
            at_end = start == len(self.text) and new.startswith(self.newline)
            pieces.append(new.removeprefix(self.newline) if at_end and broken else new)
            broken = broken or at_end
            position = max(position, end)
        return "".join([*pieces, self.text[position:]])


def _last(node: yaml.Node) -> yaml.Node:
    """Returns the last node of a block of lines."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        if isinstance(last, tuple):
            key, value = last
            # An alias is the node that it names, somewhere above.
            node = key if value.start_mark.line < key.start_mark.line else value
        else:
            node = last
    return node
