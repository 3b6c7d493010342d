"""The page in a real browser: headless Chromium, wide and narrow, light and dark."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from harness.report.html import write_report
from tests.unit.report_sample import CASES, write_results

BROWSER = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZES = ((1280, "light"), (1280, "dark"), (360, "light"), (360, "dark"))
CONTRAST_MINIMUM = 4.5
"""WCAG 2.1, 1.4.3: text against its background."""

pytestmark = pytest.mark.skipif(
    BROWSER is None or DRIVER is None,
    reason="Chromium is not installed (Debian packages chromium and chromium-driver)",
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(write_results(tmp_path_factory.mktemp("results")))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = Options()
    options.binary_location = str(BROWSER)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    driver.set_page_load_timeout(60)
    yield driver
    driver.quit()


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}-{size[1]}")
def shown(
    request: pytest.FixtureRequest, browser: webdriver.Chrome, page: Path
) -> webdriver.Chrome:
    width, scheme = request.param
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    for kind in ("browser", "performance"):
        browser.get_log(kind)
    browser.get(page.as_uri())
    return browser


def ask(browser: webdriver.Chrome, script: str) -> Any:
    return browser.execute_script(f"return {script}")


def test_every_claim_is_visible(shown: webdriver.Chrome) -> None:
    """Sentence, verdict in words and measured value of each claim take up room on the page."""
    texts = ask(shown, "[...document.querySelectorAll('.claim')].map(e => e.innerText)")

    assert len(CASES) == len(texts)
    for (claim, _, _), text in zip(CASES, texts, strict=True):
        assert claim.sentence in text
        assert any(word in text for word in ("supported", "refuted", "inconclusive"))


def test_nothing_scrolls_sideways(shown: webdriver.Chrome) -> None:
    """Nothing is wider than the window, even on a phone of 360 px and with all parts open."""
    shown.execute_script("document.querySelectorAll('details').forEach(e => e.open = true)")

    assert ask(shown, "document.documentElement.scrollWidth <= innerWidth")


def test_timelines_are_shown_at_a_legible_size(shown: webdriver.Chrome) -> None:
    """Each open trial shows one picture, and its text is not scaled below 9 px."""
    sizes = ask(
        shown,
        """[...document.querySelectorAll('svg.timeline')].filter(e => e.checkVisibility())
        .map(e => e.getBoundingClientRect().width / e.viewBox.baseVal.width
             * Number(e.getAttribute('font-size')))""",
    )

    assert len(sizes) >= 6
    assert min(sizes) >= 9


def test_no_console_message_and_no_request(shown: webdriver.Chrome) -> None:
    """The browser reports no problem and asks for nothing but the page itself."""
    messages = [json.loads(e["message"])["message"] for e in shown.get_log("performance")]
    urls = [
        m["params"]["request"]["url"]
        for m in messages
        if m["method"] == "Network.requestWillBeSent"
    ]

    assert shown.get_log("browser") == []
    assert [u for u in urls if not u.startswith(("file://", "data:"))] == []
    assert len([u for u in urls if u.startswith("file://")]) <= 1


def test_text_has_contrast(shown: webdriver.Chrome) -> None:
    """Each text of the page stands out from the background it is on."""
    lowest = shown.execute_script(_CONTRAST)

    assert lowest["ratio"] >= CONTRAST_MINIMUM, lowest


_CONTRAST = """
const rgb = text => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
  .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const behind = e => {
  for (; e; e = e.parentElement) {
    const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] === 1) return c;
  }
  return [255, 255, 255];
};
let worst = {ratio: 99};
for (const e of document.querySelectorAll('body *')) {
  if (e.closest('svg') || !e.checkVisibility()) continue;
  if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
  const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < worst.ratio) worst = {ratio, text: e.textContent.trim().slice(0, 60)};
}
return worst;
"""
