"""`rds-lake schema`: the JSON schema of lake.yaml, printed or written beside it, for editors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rds_lake.config.schema import SCHEMA_FILE

# The first line of a lake.yaml, by which editors find the schema beside it.
# https://github.com/redhat-developer/yaml-language-server#using-inlined-schema
MODELINE = "# yaml-language-server: $schema={}"


def schema(out: Path | None, *, show: Callable[[str], None], say: Callable[[str], None]) -> None:
    """Print the schema that this release ships, or write it to `out`, which it replaces."""
    text = SCHEMA_FILE.read_text(encoding="utf-8")
    if out is None:
        show(text.rstrip("\n"))
        return
    out.write_text(text, encoding="utf-8")
    say(
        f"wrote {out}; the first line of a lake.yaml in the same folder names it for editors: {MODELINE.format(f'./{out.name}')}"
    )
