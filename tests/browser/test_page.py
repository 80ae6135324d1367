import json

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.browser


def find(page, selector):
    return page.find_element(By.CSS_SELECTOR, selector)


def move_to(page, element):
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
    ActionChains(page).move_to_element(element).perform()


def test_the_console_has_nothing_to_say(page):
    assert page().get_log("browser") == []


def test_the_page_asks_for_nothing_but_itself(page):
    events = [json.loads(entry["message"])["message"] for entry in page().get_log("performance")]
    requests = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []


def test_every_anchor_resolves(page):
    broken = page().execute_script(
        "return [...document.querySelectorAll('a[href^=\"#\"]')].map(a => decodeURIComponent(a.hash.slice(1)))"
        ".filter(id => !document.getElementById(id))"
    )
    assert broken == []


def test_downloads_are_offered(page):
    links = page().find_elements(By.CSS_SELECTOR, ".downloads a")
    assert [link.get_dom_attribute("href") for link in links] == ["report.pdf", "report-source.tar.gz"]


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_overflows(page, width, dark):
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


def test_a_number_tells_on_hover_where_it_comes_from(page, built):
    shown = page()
    link = find(shown, 'a.num[href="#n-mnist-relu-accuracy"]')
    origin = find(shown, "#origin")
    assert not origin.is_displayed()
    move_to(shown, link)
    assert origin.is_displayed()
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


def test_a_number_tells_by_the_keyboard_where_it_comes_from(page):
    shown = page()
    links = shown.find_elements(By.CSS_SELECTOR, "main a")
    first = next(i for i, link in enumerate(links) if "num" in (link.get_dom_attribute("class") or ""))
    shown.execute_script("arguments[0].focus()", links[first - 1])
    ActionChains(shown).send_keys(Keys.TAB).perform()
    assert find(shown, "#origin").is_displayed()
    assert find(shown, "#origin .key").text


def test_a_first_tap_on_a_phone_shows_and_does_not_leave(page):
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


def column(table, i):
    return [row.find_elements(By.TAG_NAME, "td")[i].text for row in table.find_elements(By.CSS_SELECTOR, "tbody tr")]


def test_tables_sort_by_number_and_by_text(page):
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
    heads[0].send_keys(Keys.ENTER)
    assert column(table, 0) == sorted(column(table, 0), key=str.lower)
    differences = [float(cell.replace("−", "-")) for cell in column(table, 5)]
    heads[5].click()
    assert [float(cell.replace("−", "-")) for cell in column(table, 5)] == sorted(differences)


def test_curves_show_their_values_under_the_pointer(page, built):
    shown = page()
    svg = find(shown, 'svg[data-figure="mnist_activations"]')
    shown.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", svg)
    index = json.loads((built / "figures" / "index.json").read_text())["mnist_activations"]
    panel = index["panels"][1]
    width = float(svg.get_dom_attribute("viewBox").split()[2])
    scale = svg.rect["width"] / width
    at = panel["box"][0] + (10 - panel["x"][0]) / (panel["x"][1] - panel["x"][0]) * (panel["box"][2] - panel["box"][0])
    height = svg.rect["height"]
    x, y = at * scale - svg.rect["width"] / 2, (panel["box"][1] + 20) * scale - height / 2
    ActionChains(shown).move_to_element_with_offset(svg, round(x), round(y)).perform()
    readout = svg.find_element(By.XPATH, "..").find_element(By.CSS_SELECTOR, ".readout")
    assert readout.is_displayed()
    assert "Epoch 10" in readout.text
    relu = next(series for series in panel["series"] if series["experiment"] == "mnist.relu")
    assert f"ReLU: {relu['values']['10']:.3g}" in readout.text


def test_light_and_dark_follow_the_system_until_the_reader_chooses(page):
    def paper():
        return shown.execute_script("return getComputedStyle(document.body).backgroundColor")

    shown = page(dark=True)
    assert paper() == "rgb(22, 24, 27)"
    find(shown, "#theme").click()
    assert paper() == "rgb(255, 255, 255)"
    shown.refresh()
    assert paper() == "rgb(255, 255, 255)"


def test_what_assistive_technology_needs_is_there(page):
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
        " + [...document.querySelectorAll('a, button')].filter(e => !e.textContent.trim()).length"
        " + [...document.querySelectorAll('table')].filter(t => !t.querySelector('th')).length"
    )
    assert unnamed == 0


def test_wide_tables_are_reached_by_the_keyboard(page):
    shown = page(360)
    stuck = shown.execute_script(
        "return [...document.querySelectorAll('.wide')]"
        ".filter(e => e.scrollWidth > e.clientWidth && e.tabIndex !== 0).length"
    )
    assert stuck == 0


def test_contents_are_closed_on_a_phone_and_open_on_a_desk(page):
    assert not find(page(360), "nav details").get_property("open")
    assert find(page(1280), "nav details").get_property("open")


def test_paper_has_no_navigation(page):
    shown = page()
    shown.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    hidden = [find(shown, selector).is_displayed() for selector in ("nav", ".downloads", "#theme", "figure details")]
    shown.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert hidden == [False] * 4
