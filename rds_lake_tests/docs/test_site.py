"""The site is built without a warning, refuses what leads nowhere, fetches nothing from elsewhere, and can be read on a phone.

All of it is `exhaustive`: a build takes seconds, and CI makes one by `make docs` in any case.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]
pytest.importorskip("material", reason="needs mkdocs-material: pip install -c constraints.txt -e '.[docs]' (make docs)")


def build(root: Path, config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """`make docs`, into another folder."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(config), "-d", str(site)]
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=root, env=quiet, capture_output=True, text=True, timeout=200, check=False)


@pytest.fixture(scope="module")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    done = build(root, root / "mkdocs.yml", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    return folder


def test_every_page_of_the_folder_and_every_one_made_from_the_code_is_in_the_site(root: Path, site: Path) -> None:
    sources = [path.relative_to(root / "docs") for path in (root / "docs").rglob("*.md")]
    made = [Path("reference", name) for name in ("assets.md", "commands.md", "lake-yaml.md")]
    for page in [*sources, *made]:
        shown = page.with_suffix(".html") if page.name != "README.md" else page.with_name("index.html")
        assert (site / shown).is_file(), page
        assert (site / page).is_file(), "its Markdown, which llms.txt links to"


def test_llms_txt_leads_to_the_markdown_of_every_page_of_the_menu(site: Path) -> None:
    text = (site / "llms.txt").read_text(encoding="utf-8")
    links = re.findall(r"^- \[[^\]]+\]\(([^)]+)\): \S", text, re.MULTILINE)
    assert len(links) == len(set(links)) > 35
    assert [link for link in links if not (site / link).is_file()] == []


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    """Links that a reader follows may lead anywhere; what a browser loads by itself may not."""
    for path in site.rglob("*.html"):
        loads = re.findall(
            r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?(https?:|//)|<link\b[^>]*\bhref=\"?(?:https?:|//)",
            path.read_text("utf-8"),
        )
        assert loads == [], path.name
    for path in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", path.read_text("utf-8")), path.name


def test_a_page_outside_the_menu_a_dead_link_and_a_dead_anchor_are_errors(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "docs", tmp_path / "docs")
    text = (
        (root / "mkdocs.yml")
        .read_text(encoding="utf-8")
        .replace("rds_lake_tests/docs/hook.py", str(root / "rds_lake_tests/docs/hook.py"))
    )
    (tmp_path / "mkdocs.yml").write_text(text, encoding="utf-8")
    (tmp_path / "docs" / "lost.md").write_text("# Lost\n\n[a](nowhere.md) [b](try.md#nowhere)\n", encoding="utf-8")
    done = build(root, tmp_path / "mkdocs.yml", tmp_path / "site")
    assert done.returncode != 0
    for words in ("lost.md", "nowhere.md", "#nowhere"):
        assert words in done.stdout + done.stderr
    assert "3 warnings" in done.stdout + done.stderr


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    """Where the site is served."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium: apt-get install chromium")
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)], ids=["desktop", "phone"])
def test_the_site_works_in_a_browser(address: str, width: int, height: int) -> None:
    from playwright.sync_api import sync_playwright

    asked: set[str] = set()
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        try:
            page = browser.new_page(viewport={"width": width, "height": height})
            page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
            for name in (
                "index.html",
                "account.html",
                "operations.html",
                "reference/lake-yaml.html",
                "configuration.html",
            ):
                page.goto(f"{address}/{name}", wait_until="load")
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (
                    f"{name} is wider than the screen"
                )
            page.goto(f"{address}/index.html", wait_until="load")
            page.keyboard.press("/")
            page.keyboard.type("dead-letters")
            page.locator(".md-search-result__item", has_text="alert").first.wait_for(timeout=30_000)
        finally:
            browser.close()
    assert asked == {urlsplit(address).netloc}
