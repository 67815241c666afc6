"""The page in a browser: on a desk, on a phone and on paper, it can be read and asks for nothing.

python -m rds_lake_tests.stages.report.test_browser docs/images     makes the pictures of docs/report.md anew
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rds_lake.stages.report.page.page import render_page
from rds_lake_tests.stages.report.samples import made_report, with_problems

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
DESKTOP, PHONE, PAPER = (1280, 960), (375, 812), (718, 1046)  # A4 at 96 dpi, without its margins


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    pytest.importorskip("playwright", reason="needs playwright: pip install -c constraints.txt -e '.[dev]'")
    if shutil.which("chromium") is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page with everything bad, and names that neither end nor stay text by themselves."""
    name = "<script>document.title='run'</script>" + "sehr_langer_name" * 12
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render_page(with_problems(made_report(name=name))), encoding="utf-8")
    return path.as_uri()


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_page_fits_its_screen_open_or_closed_and_asks_for_nothing(
    browser: Browser, address: str, screen: tuple[int, int]
) -> None:
    asked: list[str] = []
    problems: list[str] = []
    page = browser.new_page(viewport={"width": screen[0], "height": screen[1]})
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(address, wait_until="load")
    assert page.evaluate("document.documentElement.scrollWidth") <= screen[0]
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= screen[0]
    assert page.title() == "Report of s3://acme-lake/lake", "no name is run"
    assert (asked, problems) == ([address], [])
    assert is_seen(page, ".needs h2", screen), "what needs a person is seen at once"
    page.close()


def is_seen(page: Page, selector: str, screen: tuple[int, int]) -> bool:
    """Whether the element is on the first screen, without scrolling."""
    box = page.locator(selector).first.bounding_box()
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= screen[1]


def test_on_paper_everything_is_printed_that_is_folded_on_a_screen(browser: Browser, address: str) -> None:
    page = browser.new_page(viewport={"width": PAPER[0], "height": PAPER[1]})
    page.goto(address, wait_until="load")
    hidden = "cell => !cell.checkVisibility() || cell.getBoundingClientRect().height == 0"
    folded = f"[...document.querySelectorAll('details td')].filter({hidden}).length"
    assert page.evaluate(folded) > 0, "on a screen it is folded"
    page.emulate_media(media="print")
    assert page.evaluate(folded) == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER[0]
    page.close()


def test_a_reader_of_screens_hears_what_a_plot_shows(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(address, wait_until="load")
    plot = page.get_by_role("img", name="Rows: 1,000,000 on 2026-09-30").first
    assert "1,793,980 on 2026-11-28; at most 1,793,980" in (plot.get_attribute("aria-label") or "")
    page.close()


def _pictures(folder: Path) -> None:
    from playwright.sync_api import sync_playwright

    path = folder / "report.html"
    path.write_text(render_page(with_problems(made_report(name="orders"))), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_ARGUMENTS)
        for name, (width, height) in {"desktop": DESKTOP, "phone": PHONE}.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            page.goto(path.as_uri(), wait_until="load")
            page.screenshot(path=folder / f"report-{name}.png")
        browser.close()
    path.unlink()


if __name__ == "__main__":
    _pictures(Path(sys.argv[1]).resolve())
