"""`rds-lake dbt sources`: the lake's tables as sources of a dbt project, merged into an existing file."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.console.connect import connect
from rds_lake.console.dbt.described import Adapter, Described, offline_source, online_source
from rds_lake.console.dbt.merge import merge
from rds_lake.console.dbt.yaml_edit import extended, read
from rds_lake.errors import ConfigError
from rds_lake.files import write_whole
from rds_lake.model.words import counted
from rds_lake.stages.lake.lake import Lake

_HEADER = "# Kept up to date by `rds-lake dbt sources`; what is written here by hand stays.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The arguments. `check`: write nothing, and exit with code 1 if the file would change. `dry_run`: show changes, write nothing."""

    sources: tuple[str, ...]
    out: Path
    adapter: Adapter
    dry_run: bool
    check: bool
    offline: bool


def sources(config: LakeConfig, asked: Asked, *, show: Callable[[str], None], say: Callable[[str], None]) -> int:
    """Write the file, or print what would be written. Returns the exit code.

    `show` gets the difference of --dry-run, `say` every message. ConfigError if the file cannot be extended; then it is not changed.
    """
    described = list(_described(config, asked, say))
    before = _text_of(asked.out)
    where = str(asked.out)
    text = _HEADER if before is None else before
    merged = merge(read(text, where=where), [item.source for item in described], where=where)
    after = extended(text, merged.document, where=where)
    for note in (*(note for item in described for note in item.notes), *merged.notes):
        say(note)
    count = sum(len(item.source.tables) for item in described)
    if not described or after == before:
        say(f"{asked.out} is up to date: {counted(count, 'table')} of {counted(len(described), 'source')}")
        return 0
    if asked.dry_run or asked.check:
        lines = difflib.unified_diff(
            (before or "").splitlines(keepends=True), after.splitlines(keepends=True), where, where
        )
        if asked.dry_run:
            show("".join(lines))
        say(
            f"{asked.out} would be changed: {counted(count, 'table')} of {counted(len(described), 'source')}; nothing was written"
        )
        return 1 if asked.check else 0
    _write(asked.out, after)
    say(f"{asked.out} was written: {counted(count, 'table')} of {counted(len(described), 'source')}")
    return 0


def _described(config: LakeConfig, asked: Asked, say: Callable[[str], None]) -> Iterator[Described]:
    lake = None if asked.offline else connect(config).lake
    for source in [config.source(name) for name in asked.sources] or config.sources:
        if not source.athena:
            if asked.sources:
                raise ConfigError(
                    f"{source.name} has `athena: false` in lake.yaml, so it has no views for dbt; leave it out"
                )
            say(f"{source.name}: left out, as it has no views (`athena: false`)")
            continue
        described = _one(config, source, lake, asked.adapter)
        if described is None:
            if asked.sources:
                raise ConfigError(
                    f"no date of {source.name} is in the lake yet; repeat the command after its first date"
                )
            say(f"{source.name}: left out, as no date of it is in the lake yet")
            continue
        yield described


def _one(config: LakeConfig, source: SourceSettings, lake: Lake | None, adapter: Adapter) -> Described | None:
    if lake is None:
        return offline_source(config, source, adapter)
    return online_source(config, source, lake, adapter)


def _text_of(path: Path) -> str | None:
    """Returns the file's text with its line endings unchanged; None if the file does not exist."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text and was not changed; save it as UTF-8: {error}") from error
    except OSError as error:
        raise ConfigError(
            f"{path} could not be read ({error.strerror}) and was not changed; make it readable, or give another --out"
        ) from error


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        raise ConfigError(
            f"{path} could not be written ({error.strerror}) and was not changed; make it writable, or give another --out"
        ) from error
