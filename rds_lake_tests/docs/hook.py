"""What mkdocs.yml has done while the site is built: pages made from the code, llms.txt, and each page's Markdown beside its HTML."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:  # mkdocs loads this file by its path, and its own command does not look here
    sys.path.insert(0, str(ROOT))

from mkdocs.structure.files import File  # noqa: E402  # pyright: ignore[reportMissingImports]

from rds_lake_tests.docs.assets_page import assets_page  # noqa: E402
from rds_lake_tests.docs.commands_page import commands_page  # noqa: E402
from rds_lake_tests.docs.keys_page import keys_page  # noqa: E402
from rds_lake_tests.docs.llms import Entry, llms_text  # noqa: E402

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig  # pyright: ignore[reportMissingImports]
    from mkdocs.structure.files import Files  # pyright: ignore[reportMissingImports]
    from mkdocs.structure.nav import Navigation  # pyright: ignore[reportMissingImports]
    from mkdocs.structure.pages import Page  # pyright: ignore[reportMissingImports]

MADE: Mapping[str, Callable[[], str]] = {
    "reference/assets.md": assets_page,
    "reference/commands.md": commands_page,
    "reference/lake-yaml.md": keys_page,
}
_listed: list[Page] = []
_sources: dict[str, str] = {}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made from the code."""
    for path, make in MADE.items():
        files.append(File.generated(config, path, content=make()))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Keep the page's Markdown."""
    _sources[page.file.src_uri] = markdown
    return markdown


def on_nav(nav: Navigation, **_: Any) -> Navigation:
    """Keep the pages in their order."""
    _listed[:] = nav.pages
    return nav


def on_post_build(config: MkDocsConfig, **_: Any) -> None:
    """Write llms.txt, and the Markdown that it links to."""
    site, address = Path(config.site_dir), config.site_url or ""
    entries = [
        Entry(
            section=str([page, *page.ancestors][-1].title),
            title=str(page.title),
            address=f"{address}{page.file.src_uri}",
            text=_sources[page.file.src_uri],
        )
        for page in _listed
    ]
    site.joinpath("llms.txt").write_text(llms_text(config.site_name, config.site_description or "", entries), "utf-8")
    for path, text in _sources.items():
        target = site / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
