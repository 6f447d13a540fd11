"""A page in headless Chromium: no network, no errors, usable by mouse and keyboard, legible in the dark."""

import json
import shutil
from itertools import pairwise

import pytest

from bayes_cx.page import (
    Badge,
    Band,
    Column,
    Extract,
    Formula,
    Name,
    Notice,
    Number,
    Page,
    Picture,
    Section,
    Share,
    Soft,
    Table,
    Text,
    Tile,
    Tiles,
)
from bayes_cx.page.html import document

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None, reason="needs chromium and chromedriver, Debian's chromium-driver"
)
N = 260
SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="400pt" height="60pt" viewBox="0 0 400 60">'
    b'<rect id="a" width="300" height="50" style="fill: #15446b"/>'
    b'<text x="320" y="20" style="fill: #1d2735">A</text></svg>'
)


def customers():
    rows = []
    for i in range(N):
        value = float((i * 37) % N)
        share = (i % 100) / 100
        bar = Band((share * 0.5, share * 0.8, share, share, share)) if i % 7 else ""
        name = Name("<b>株式 #3</b>" if i == 3 else f"customer {i}", f"{i} purchases")
        rows.append((Number(f"{i + 1}", i + 1.0), name, bar, Number(f"€{value:.0f}k", value), "call"))
    heads = (Column(), Column("Customer", wide=True), Column("Active", ends=("0%", "100%")))
    columns = (*heads, Column("Value"), Column("Offer"))
    return Table(columns, tuple(rows), "All.", "Bars: chance.", "Customers", extract=Extract(20, "Some."))


def page():
    checks = Table(
        (Column("Check"), Column("Status"), Column("Share")),
        (("a", Badge("passed", "passed"), Share(0.3)), ("b", Badge("failed", "failed"), Share(0.9, "green"))),
        label="Checks",
    )
    texts = (Text((("If ", Formula("p"), " is ", Soft("small")),)), Text(("a^2 / b",), "formula"))
    return Page(
        "Whom to contact",
        (
            Section("", (Notice("failed", "It failed.", "Look."), Notice("look", "Look.", "Here."))),
            Section("In short", (Text(("Contact.",), "lead"), Tiles((Tile("1", "gain", "90%"),)), *texts)),
            Section("Priority list", (customers(),)),
            Section("Checks", (checks, Picture(SVG, "It rises", "Line", "A bar that rises"))),
        ),
        facts=(("Made", "today"),),
    )


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,1000"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(document(page()), encoding="utf-8")
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.get(path.as_uri())
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser):
    """The page as it is when it is opened, in light."""
    emulate(browser)
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.refresh()
    return browser


def emulate(browser, scheme="light", media=""):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})


def find(browser, selector):
    return browser.find_elements("css selector", selector)


def names(browser):
    return browser.execute_script(
        "return [...document.querySelectorAll('.long tbody bdi')].map(cell => cell.innerText)"
    )


def heads(browser):
    return {button.text: button for button in find(browser, ".long th button")}


def status(browser):
    return find(browser, '.long [role="status"]')[0].text


def test_nothing_is_fetched_and_nothing_goes_wrong(opened):
    messages = [json.loads(entry["message"])["message"] for entry in opened.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert asked
    assert all(url.startswith(("file://", "data:")) for url in asked)
    assert opened.get_log("browser") == []
    assert opened.execute_script("return document.fonts.check('600 16px \"Source Sans Pro\"')")


def test_the_list_is_sorted_by_mouse(opened):
    assert names(opened)[:2] == ["customer 0", "customer 1"]
    heads(opened)["Value"].click()
    (head,) = find(opened, "th[aria-sort]")
    assert (head.text.split()[0], head.get_attribute("aria-sort")) == ("Value", "descending")
    best = sorted(range(N), key=lambda i: -((i * 37) % N))[:3]
    assert names(opened)[:3] == [f"customer {i}" for i in best]
    heads(opened)["Value"].click()
    assert find(opened, "th[aria-sort]")[0].get_attribute("aria-sort") == "ascending"
    assert names(opened)[0] == "customer 0"
    heads(opened)["Customer"].click()
    assert len(find(opened, "th[aria-sort]")) == 1
    assert names(opened)[1:4] == ["customer 0", "customer 1", "customer 2"]  # by number, not by letter
    heads(opened)["Active"].click()
    assert names(opened)[0] == "customer 99"


def test_the_list_is_searched_and_sorted_by_keyboard(opened):
    from selenium.webdriver.common.keys import Keys

    (search,) = find(opened, ".long input")
    assert opened.execute_script("return arguments[0].labels[0].textContent", search) == "Search"
    search.send_keys("customer 12")
    assert status(opened) == "13 of 260 rows match"
    assert all("12" in name for name in names(opened))
    search.send_keys(Keys.TAB, Keys.TAB)  # past the table, which scrolls, to its first head
    opened.switch_to.active_element.send_keys(Keys.ENTER)
    assert find(opened, "th[aria-sort]")[0].text.startswith("Customer")
    search.clear()
    search.send_keys("株式")
    assert names(opened) == ["<b>株式 #3</b>"]
    search.send_keys("nobody")
    assert names(opened) == []
    assert status(opened) == "0 of 260 rows match"


def test_more_rows_are_shown_when_asked(opened):
    assert len(names(opened)) == 50
    assert status(opened) == "50 of 260 rows"
    (more,) = find(opened, ".more")
    more.click()
    assert len(names(opened)) == 150
    assert opened.execute_script("return document.activeElement.rowIndex") == 51
    more.click()
    more.click()
    assert len(names(opened)) == N
    assert status(opened) == "260 rows"
    assert not more.is_displayed()


def test_rows_of_the_script_are_those_of_the_page(opened):
    before = opened.execute_script("return document.querySelector('.long tbody').innerHTML")
    find(opened, ".more")[0].click()
    after = opened.execute_script(
        "return [...document.querySelector('.long tbody').rows].slice(0, 50).map(r => r.outerHTML).join('')"
    )
    text = "const t = document.createElement('table'); t.innerHTML = arguments[0]; return t.textContent"
    assert opened.execute_script(text, before) == opened.execute_script(text, after)
    assert before.count('role="img"') == after.count('role="img"')


def test_landmarks_headings_and_names(opened):
    assert opened.execute_script("return document.documentElement.lang") == "en"
    for landmark in ("header", "nav[aria-label]", "main", "footer", "a.skip[href='#content']"):
        assert len(find(opened, landmark)) == 1, landmark
    levels = [int(h.tag_name[1]) for h in find(opened, "h1, h2, h3, h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    for link in find(opened, "nav a"):
        assert find(opened, link.get_attribute("href").split("#")[1].join(("[id='", "']")))
    assert all(s.get_attribute("aria-label") for s in find(opened, "svg"))
    assert all(t.find_elements("css selector", "caption") for t in find(opened, "table"))
    assert all(h.get_attribute("scope") for h in find(opened, "th"))
    ids = opened.execute_script("return [...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    assert all(find(opened, f"#{s.get_attribute('aria-labelledby')}") for s in find(opened, "section"))


def test_the_skip_link_and_the_focus_are_seen(opened):
    from selenium.webdriver.common.keys import Keys

    find(opened, "body")[0].send_keys(Keys.TAB)
    first = opened.switch_to.active_element
    assert first.get_attribute("class") == "skip"
    assert first.rect["width"] > 50
    assert opened.execute_script("return getComputedStyle(arguments[0]).outlineStyle", first) != "none"


CONTRAST = """
const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
const rgb = (colour) => {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const light = (c) => {
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const [r, g, b] = c.map((v) => linear(v / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const under = (element) => {
  for (let e = element; e; e = e.parentElement) {
    const colour = rgb(getComputedStyle(e).backgroundColor);
    if (colour[3] === 255) return colour;
  }
  return [255, 255, 255, 255];
};
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || !element.getClientRects().length) continue;
  if (element.closest('script, style, noscript, .unseen, .skip')) continue;
  const style = getComputedStyle(element);
  if (style.visibility === 'hidden') continue;
  const ink = rgb(element.closest('svg') ? style.fill : style.color);
  const [a, b] = [light(ink.slice(0, 3)), light(under(element).slice(0, 3))].sort((x, y) => y - x);
  found.push([(a + 0.05) / (b + 0.05), walker.currentNode.textContent.trim().slice(0, 30)]);
}
return found.sort((x, y) => x[0] - y[0]);
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_the_contrast_that_wcag_asks_for(opened, scheme):
    emulate(opened, scheme)
    paper = opened.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
    found = opened.execute_script(CONTRAST)
    assert len(found) > 100
    assert found[0][0] >= 4.5, found[:5]


def test_print_is_light_and_without_controls(opened):
    emulate(opened, "dark", "print")
    assert (
        opened.execute_script("return getComputedStyle(document.body).backgroundColor")
        == "rgb(255, 255, 255)"
    )
    assert not any(e.is_displayed() for e in find(opened, "nav, .tools, .more"))


def test_a_narrow_screen_scrolls_down_only(opened):
    metrics = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    assert opened.execute_script("return document.documentElement.scrollWidth") <= 400
