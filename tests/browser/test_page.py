import csv
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.browser


def find(page: Any, selector: str) -> Any:
    return page.find_element(By.CSS_SELECTOR, selector)


def move_to(page: Any, element: Any) -> None:
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
    ActionChains(page).move_to_element(element).perform()


def test_the_console_has_nothing_to_say(page: Any) -> None:
    assert page().get_log("browser") == []


def test_the_page_asks_for_nothing_but_itself(page: Any) -> None:
    events = [json.loads(entry["message"])["message"] for entry in page().get_log("performance")]
    requests = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []


def test_every_anchor_resolves(page: Any) -> None:
    broken = page().execute_script(
        "return [...document.querySelectorAll('a[href^=\"#\"]')].map(a => decodeURIComponent(a.hash.slice(1)))"
        ".filter(id => !document.getElementById(id))"
    )
    assert broken == []


def test_downloads_are_offered(page: Any) -> None:
    links = page().find_elements(By.CSS_SELECTOR, ".downloads a")
    assert [link.get_dom_attribute("href") for link in links] == ["report.pdf", "report-source.tar.gz", "numbers.csv"]


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_overflows(page: Any, width: int, dark: bool) -> None:
    shown = page(width, dark)
    assert shown.execute_script("return document.documentElement.scrollWidth") <= width
    # What is wider than the page lies in something that scrolls.
    outside = shown.execute_script(
        """
        const scrolls = e => e && (
          ['auto', 'scroll', 'hidden'].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
        return [...document.querySelectorAll('main *')]
          .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e.parentElement))
          .map(e => e.outerHTML.slice(0, 100));
        """
    )
    assert outside == []


def test_a_number_tells_what_it_is_on_hover_and_where_it_comes_from_on_a_click(page: Any, built: Path) -> None:
    shown = page()
    link = find(shown, 'a.num[href="#n-mnist-relu-accuracy"]')
    origin = find(shown, "#origin")
    assert not origin.is_displayed()
    move_to(shown, link)
    assert origin.is_displayed()
    assert "SHA-256" not in origin.text
    assert origin.rect["height"] < 200
    link.click()
    trace = json.loads((built / "report" / "trace.json").read_text())
    number = trace["numbers"]["mnist.relu.accuracy"]
    ((file, digest),) = number["files"].items()
    for part in (
        "mnist.relu.accuracy",
        number["how"],
        file,
        digest,
        "cd" * 32,
        "by rule train",
        "activation relu",
        "table activations",
    ):
        assert part in origin.text
    assert link.get_dom_attribute("aria-describedby") == "origin"
    ActionChains(shown).send_keys(Keys.ESCAPE).perform()
    assert not origin.is_displayed()


def test_a_number_tells_by_the_keyboard_where_it_comes_from(page: Any) -> None:
    shown = page()
    links = shown.find_elements(By.CSS_SELECTOR, "main a")
    first = next(i for i, link in enumerate(links) if "num" in (link.get_dom_attribute("class") or ""))
    shown.execute_script("arguments[0].focus()", links[first - 1])
    ActionChains(shown).send_keys(Keys.TAB).perform()
    assert find(shown, "#origin").is_displayed()
    assert find(shown, "#origin .key").text


def test_a_first_tap_on_a_phone_shows_and_does_not_leave(page: Any) -> None:
    shown = page(360)
    link = find(shown, 'a.num[href="#n-mnist-images-train"]')
    shown.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", link)
    box = link.rect
    top = shown.execute_script("return scrollY")
    point = {"x": box["x"] + box["width"] / 2, "y": box["y"] - top + box["height"] / 2}
    shown.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    for kind, points in (("touchStart", [point]), ("touchEnd", [])):
        shown.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    shown.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    assert find(shown, "#origin").is_displayed()
    assert "55000" in find(shown, "#origin").text
    assert shown.execute_script("return location.hash") == ""
    left, width = find(shown, "#origin").rect["x"], find(shown, "#origin").rect["width"]
    assert left >= 0
    assert left + width <= 360


def test_a_click_on_a_number_keeps_its_card_and_gives_focus_back(page: Any) -> None:
    shown = page()
    link = find(shown, 'a.num[href="#n-mnist-relu-accuracy"]')
    move_to(shown, link)
    link.click()
    card = find(shown, "#origin")
    ActionChains(shown).move_to_element(find(shown, "h1")).perform()
    assert card.is_displayed()
    assert shown.execute_script("return location.hash") == ""
    files = [a.get_dom_attribute("href") for a in card.find_elements(By.CSS_SELECTOR, "dd a")]
    assert len(files) == 1
    assert files[0].startswith("../runs/mnist.relu/")
    assert "rederive train mnist.relu" in card.text
    assert "writeup.mlp:train" in card.text
    ActionChains(shown).send_keys(Keys.ESCAPE).perform()
    assert not card.is_displayed()
    assert shown.execute_script("return document.activeElement === arguments[0]", link)


@pytest.mark.parametrize("width", [1280, 1920])
def test_a_card_leaves_its_number_free_and_stands_in_the_margin_of_a_wide_window(page: Any, width: int) -> None:
    shown = page(width)
    link = find(shown, 'main td a.num[href="#n-mnist-relu-accuracy"]')
    move_to(shown, link)
    link.click()
    card, row = find(shown, "#origin").rect, link.find_element(By.XPATH, "ancestor::tr").rect
    if width == 1920:
        assert card["x"] >= row["x"] + row["width"]
    else:
        number = link.rect
        assert card["y"] >= number["y"] + number["height"] or card["y"] + card["height"] <= number["y"]


def test_a_card_leads_to_where_else_the_number_stands_and_back(page: Any) -> None:
    shown = page()
    links = shown.find_elements(By.CSS_SELECTOR, 'main a.num[href="#n-study-runs"]')
    assert len(links) > 1
    move_to(shown, links[0])
    links[0].click()
    find(shown, "#origin .jump").click()
    assert shown.execute_script("return document.activeElement === arguments[0]", links[1])
    find(shown, "button.back").click()
    assert shown.execute_script("return document.activeElement === arguments[0]", links[0])


def test_a_citation_shows_its_reference_on_hover(page: Any) -> None:
    shown = page()
    link = find(shown, 'a.cite[href="#ref-he2015"]')
    move_to(shown, link)
    assert find(shown, "#origin").text == find(shown, "#ref-he2015").text


def test_a_reference_to_a_figure_shows_its_caption(page: Any) -> None:
    shown = page()
    move_to(shown, find(shown, 'a.see[href="#fig-graph-mlp"]'))
    assert find(shown, "#origin").text.startswith("Figure 3. The loss of a small network")


def test_sections_are_numbered_found_and_followed(page: Any) -> None:
    shown = page()
    entries = shown.find_elements(By.CSS_SELECTOR, "nav li a")
    numbers = [
        entry.text.split()[0] for entry in entries if entry.text[0].isdigit() and "." not in entry.text.split()[0]
    ]
    assert numbers == [str(i) for i in range(1, len(numbers) + 1)]
    find(shown, "#search").send_keys("glorot")
    found = [entry.text for entry in entries if entry.is_displayed()]
    assert any("Initial weights" in text for text in found)
    assert not any("Sigmoid and ReLU" in text for text in found)
    find(shown, "#search").clear()
    find(shown, "#search").send_keys(Keys.SPACE)
    move_to(shown, find(shown, "#conclusion p"))
    shown.execute_script("document.querySelector('#conclusion').scrollIntoView({behavior: 'instant'})")
    shown.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    current = find(shown, "nav [aria-current]")
    assert "Conclusion" in current.text
    frame, place = (
        find(shown, "nav").rect,
        shown.execute_script("const r = arguments[0].getBoundingClientRect(); return [r.top, r.bottom]", current),
    )
    assert place[0] >= 0
    assert place[1] <= frame["height"]


def test_the_head_says_who_when_and_how_to_cite(page: Any) -> None:
    shown = page()
    names = [node.get_dom_attribute("name") for node in shown.find_elements(By.CSS_SELECTOR, 'meta[name^="citation_"]')]
    assert {"citation_title", "citation_author", "citation_pdf_url"} <= set(names)
    linked = json.loads(find(shown, 'script[type="application/ld+json"]').get_attribute("textContent"))
    assert linked["headline"] == find(shown, "h1").text
    assert "Version" in find(shown, ".byline").text
    assert find(shown, ".cite-this pre").get_attribute("textContent").startswith("@misc{a-deep-learning-write-up")


def test_tables_are_copied_as_csv(page: Any) -> None:
    shown = page()
    shown.execute_script(
        "window.copied = null; Object.defineProperty(navigator, 'clipboard', "
        "{value: {writeText: async text => { window.copied = text; }}})"
    )
    table = find(shown, "#tab-cifar10-parameters").find_element(By.XPATH, "following::table")
    button = table.find_element(By.XPATH, "following::button[@class='copy']")
    move_to(shown, button)
    button.click()
    lines = list(csv.reader(shown.execute_script("return window.copied").splitlines()))
    assert lines[0][:3] == ["Changed", "Value", "Epochs"]
    assert len(lines) == 1 + len(table.find_elements(By.CSS_SELECTOR, "tbody tr"))
    assert [line[0] for line in lines[1:]] == column(table, 0)


def column(table: Any, i: Any) -> list[Any]:
    return [row.find_elements(By.TAG_NAME, "td")[i].text for row in table.find_elements(By.CSS_SELECTOR, "tbody tr")]


def test_tables_sort_by_number_and_by_text(page: Any) -> None:
    shown = page()
    table = find(shown, "#tab-cifar10-parameters").find_element(By.XPATH, "following::table")
    heads = table.find_elements(By.CSS_SELECTOR, "th button")
    before = column(table, 3)
    heads[3].click()
    values = [float(cell.split()[0]) for cell in column(table, 3)]
    assert values == sorted(values)
    assert values != [float(cell.split()[0]) for cell in before]
    assert table.find_elements(By.TAG_NAME, "th")[3].get_dom_attribute("aria-sort") == "ascending"
    heads[3].click()
    assert [float(cell.split()[0]) for cell in column(table, 3)] == values[::-1]
    heads[3].click()
    assert [float(cell.split()[0]) for cell in column(table, 3)] == [float(cell.split()[0]) for cell in before]
    heads[0].send_keys(Keys.ENTER)
    assert column(table, 0) == sorted(column(table, 0), key=str.lower)
    differences = [float(cell.replace("−", "-")) for cell in column(table, 5)]
    heads[5].click()
    assert [float(cell.replace("−", "-")) for cell in column(table, 5)] == sorted(differences)


@pytest.fixture
def explorer(page: Any) -> Any:
    """The page with the curves of one figure opened."""
    shown = page()
    figure = find(shown, 'svg[data-figure="mnist_activations"]').find_element(By.XPATH, "ancestor::figure")
    button = figure.find_element(By.CSS_SELECTOR, "button.explore")
    move_to(shown, button)
    button.click()
    return figure


def test_curves_are_questioned_in_the_place_of_the_figure(explorer: Any) -> None:
    assert not explorer.find_element(By.CSS_SELECTOR, ".drawing").is_displayed()
    assert len(explorer.find_elements(By.CSS_SELECTOR, ".chart canvas")) == 2
    explorer.find_element(By.CSS_SELECTOR, "button.explore").click()
    assert explorer.find_element(By.CSS_SELECTOR, ".drawing").is_displayed()
    assert not explorer.find_element(By.CSS_SELECTOR, ".explorer").is_displayed()


def test_curves_tell_their_values_by_pointer_and_keyboard(explorer: Any, built: Path) -> None:
    panel = json.loads((built / "figures" / "index.json").read_text())["mnist_activations"]["panels"][1]
    relu = next(series for series in panel["series"] if series["experiment"] == "mnist.relu")
    frame = explorer.find_elements(By.CSS_SELECTOR, ".panel")[1]
    values = frame.find_element(By.CSS_SELECTOR, ".values")
    frame.find_element(By.CSS_SELECTOR, ".chart").send_keys(Keys.HOME)
    assert values.text.startswith("Epoch 1: ")
    told = dict(part.rsplit(" ", 1) for part in values.text.removeprefix("Epoch 1: ").rstrip(".").split("; "))
    assert float(told["ReLU"]) == pytest.approx(relu["values"]["1"], rel=1e-3)
    other = next(series for series in panel["series"] if series["published"])
    assert float(told[f"{other['label']}, published"]) == pytest.approx(other["published"]["1"], rel=1e-3)
    frame.find_element(By.CSS_SELECTOR, ".chart").send_keys(Keys.ARROW_RIGHT)
    assert values.text.startswith("Epoch 2: ")
    over = frame.find_element(By.CSS_SELECTOR, ".u-over")
    ActionChains(over.parent).move_to_element(over).perform()
    assert 8 <= int(values.text.split(":")[0].removeprefix("Epoch ")) <= 13


def test_a_curve_is_taken_away_and_brought_back(explorer: Any) -> None:
    frame = explorer.find_elements(By.CSS_SELECTOR, ".panel")[1]
    relu = next(button for button in frame.find_elements(By.CSS_SELECTOR, ".legend button") if button.text == "ReLU")
    chart, values = (frame.find_element(By.CSS_SELECTOR, name) for name in (".chart", ".values"))
    relu.click()
    assert relu.get_dom_attribute("aria-pressed") == "false"
    chart.send_keys(Keys.HOME)
    assert "ReLU" not in values.text
    relu.click()
    chart.send_keys(Keys.HOME)
    assert "ReLU" in values.text


def test_curves_have_a_line_per_seed_on_demand(explorer: Any) -> None:
    """Read off the drawing: thin lines of the seeds cover more of the canvas than their mean does."""
    canvas = explorer.find_element(By.CSS_SELECTOR, ".chart canvas")

    def inked() -> Any:
        return canvas.parent.execute_script(
            "const c = arguments[0].querySelector('canvas');"
            "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
            "let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n",
            explorer.find_element(By.CSS_SELECTOR, ".chart"),
        )

    before = inked()
    labels = {label.text.strip(): label for label in explorer.find_elements(By.CSS_SELECTOR, ".choices label")}
    assert set(labels) == {"Logarithmic", "A line per seed", "Published"}
    labels["A line per seed"].click()
    assert inked() > before


def test_light_and_dark_follow_the_system_until_the_reader_chooses(page: Any) -> None:
    def paper() -> Any:
        return shown.execute_script("return getComputedStyle(document.body).backgroundColor")

    shown = page(dark=True)
    assert paper() == "rgb(22, 24, 27)"
    find(shown, "#theme").click()
    assert paper() == "rgb(255, 255, 255)"
    shown.refresh()
    assert paper() == "rgb(255, 255, 255)"


def test_what_assistive_technology_needs_is_there(page: Any) -> None:
    shown = page()
    for selector, what in (
        ("main", "one main"),
        ("nav[aria-label]", "a named navigation"),
        ("h1", "one title"),
        ('a.skip[href="#text"]', "a way past the navigation"),
        ("html[lang]", "a language"),
    ):
        assert len(shown.find_elements(By.CSS_SELECTOR, selector)) == 1, what
    unnamed = shown.execute_script(
        "return [...document.querySelectorAll('svg.plot, img')].filter(e => !(e.ariaLabel || e.alt)).length"
        " + [...document.querySelectorAll('a:not([aria-hidden]), button')].filter(e => !e.textContent.trim()).length"
        " + [...document.querySelectorAll('table')].filter(t => !t.querySelector('th')).length"
    )
    assert unnamed == 0


def test_wide_tables_are_reached_by_the_keyboard(page: Any) -> None:
    shown = page(360)
    stuck = shown.execute_script(
        "return [...document.querySelectorAll('.wide')]"
        ".filter(e => e.scrollWidth > e.clientWidth && e.tabIndex !== 0).length"
    )
    assert stuck == 0


def test_on_a_phone_a_hash_is_on_one_line_and_a_run_on_few(page: Any) -> None:
    lines = """
        const table = [...document.querySelectorAll('main table')].find(t =>
          t.tHead?.textContent.trim().startsWith('Run'));
        const high = code => code.getBoundingClientRect().height / parseFloat(getComputedStyle(code).lineHeight);
        return [...table.tBodies[0].rows].map(row => [
          Math.round(high(row.cells[0].querySelector('code'))),
          ...[...row.querySelectorAll('td:not(:first-child) code')].map(code => code.getClientRects().length),
        ]);
    """
    rows = page(360).execute_script(lines)
    assert len(rows) > 30
    assert {count for _, *hashes in rows for count in hashes} == {1}
    assert max(count for count, *_ in rows) in (2, 3)  # the longest has 38 letters


def test_contents_are_closed_on_a_phone_and_open_on_a_desk(page: Any) -> None:
    assert not find(page(360), "nav details").get_property("open")
    assert find(page(1280), "nav details").get_property("open")


def test_paper_has_no_navigation(page: Any) -> None:
    shown = page()
    shown.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    hidden = [find(shown, selector).is_displayed() for selector in ("nav", ".downloads", "#theme", "figure details")]
    shown.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert hidden == [False] * 4


@pytest.fixture(scope="session")
def axe() -> str:
    """The accessibility engine axe-core: that of $AXE_CORE, or where `make system-packages` puts it."""
    path = Path(os.environ.get("AXE_CORE") or Path(sys.prefix, "axe", "node_modules", "axe-core", "axe.min.js"))
    if not path.exists():
        pytest.skip("axe-core is not installed (make system-packages, or $AXE_CORE names axe.min.js)")
    return path.read_text()


def violations(shown: Any, axe: Any) -> Any:
    shown.execute_script(axe)
    shown.set_script_timeout(300)
    return shown.execute_async_script(
        """
        const done = arguments[0];
        const html = v => v.nodes.slice(0, 3).map(n => n.html.slice(0, 120));
        axe.run(document, {resultTypes: ['violations'], rules: {'target-size': {enabled: true}}})
          .then(found => done(found.violations.map(v => `${v.id}: ${html(v)}`)));
        """
    )


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing(page: Any, axe: str, width: int, dark: bool) -> None:
    shown = page(width, dark)
    find(shown, "button.explore").click()
    assert violations(shown, axe) == []


def test_axe_finds_what_is_wrong(page: Any, axe: str) -> None:
    shown = page()
    shown.execute_script("document.querySelector('main').append(document.createElement('button'))")
    assert [found.split(":")[0] for found in violations(shown, axe)] == ["button-name"]
