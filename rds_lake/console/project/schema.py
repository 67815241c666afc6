"""`rds-lake schema`: prints the JSON schema of lake.yaml, or of a command's output, or writes it to a file for editors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from rds_lake.config.schema import SCHEMA_FILE
from rds_lake.files import write_whole

# The first line of a lake.yaml, by which editors find the schema beside it.
# https://github.com/redhat-developer/yaml-language-server#using-inlined-schema
MODELINE = "# yaml-language-server: $schema={}"


def schema(
    out: Path | None, command: str | None = None, *, show: Callable[[str], None], say: Callable[[str], None]
) -> None:
    """Print the schema of this release, or write it to `out`, which is replaced. `command`: print the schema of its JSON instead."""
    text = SCHEMA_FILE.read_text(encoding="utf-8") if command is None else _of(command)
    if out is None:
        show(text.rstrip("\n"))
        return
    write_whole(out, text)
    if command is not None:
        say(f"wrote {out}")
        return
    say(
        f"wrote {out}; the first line of a lake.yaml in the same folder names it for editors: {MODELINE.format(f'./{out.name}')}"
    )


def _of(command: str) -> str:
    from rds_lake.console.schemas.all import SCHEMAS

    return json.dumps(SCHEMAS[command], ensure_ascii=False, indent=2) + "\n"
