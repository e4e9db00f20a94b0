"""The built site in headless Chromium: ``make test-docs`` builds it and runs these."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest

from legacy_nets.anatomy import formulas

sync_api = pytest.importorskip("playwright.sync_api")
SITE = Path(os.environ.get("LEGACY_NETS_SITE", ""))
PAGES = [
    "index.html",
    "start.html",
    "run.html",
    "documents/index.html",
    "tensorflow1/saver.html",
    "playgrounds/sizes.html",
    "playgrounds/batch_norm.html",
    "playgrounds/convolution.html",
    "commands.html",
]
LANGUAGES = ["en", "zh"]
pytestmark = [
    pytest.mark.rare,
    pytest.mark.skipif(
        "LEGACY_NETS_SITE" not in os.environ, reason="needs the built site: make test-docs"
    ),
]


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        found = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    page = browser.new_page()
    page.set_default_timeout(20_000)
    yield page
    page.close()


def address(language, path):
    return (SITE / language / path).as_uri()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_loaded_from_elsewhere_and_nothing_fails(page, language, path):
    requested, errors = [], []
    page.on("request", lambda request: requested.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address(language, path))
    page.wait_for_load_state("networkidle")
    assert errors == []
    elsewhere = [url for url in requested if not url.startswith(("file:", "data:", "blob:"))]
    assert elsewhere == []
    missing = [url for url in requested if url.startswith("file:") and not local(url).exists()]
    assert missing == []


def local(url):
    return Path(unquote(urlparse(url).path))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_page_loads_little(page, language):
    """All told: the page, styles, scripts, fonts and pictures."""
    requested = set()
    page.on("request", lambda request: requested.add(request.url))
    page.goto(address(language, "index.html"))
    page.wait_for_load_state("networkidle")
    sizes = {local(url).name: local(url).stat().st_size for url in requested if "file:" in url}
    assert {"index.html", "site.css", "pydata-sphinx-theme.css"} <= set(sizes)
    assert sum(sizes.values()) < 400_000, sorted(sizes.items(), key=lambda item: item[1])


def test_the_icons_that_are_left_are_drawn(page):
    """The icon font has the characters of all icons that pages name, and the theme's styles."""
    missing = """() => [...document.querySelectorAll('[class*="fa-"]')]
        .map((icon) => [icon.className, getComputedStyle(icon, "::before").content])
        .filter(([, content]) => !/^"[\\ue000-\\uf8ff]"/.test(content))"""
    for path in ("index.html", "documents/001.html"):
        page.goto(address("en", path))
        assert page.locator('[class*="fa-"]').count() > 5
        assert page.evaluate(missing) == []
        page.wait_for_function("document.fonts.check('900 16px \"Font Awesome 7 Free\"', '\uf185')")


SEARCHES = {  # language, words -> a page that is found
    ("en", "arg_scope"): "tensorflow1/arg_scope.html",
    ("en", "moving averages"): "tensorflow1/collections.html",
    ("zh", "arg_scope"): "tensorflow1/arg_scope.html",
    ("zh", "安装"): "start.html",
}


@pytest.mark.parametrize(("language", "words"), list(SEARCHES))
def test_search(page, language, words):
    page.goto(f"{address(language, 'search.html')}?q={words}")
    found = f'#search-results li a[href*="{SEARCHES[language, words]}"]'
    page.wait_for_selector(found, state="attached")  # results come one by one


@pytest.mark.parametrize("path", ["index.html", "tensorflow1/saver.html"])
def test_the_language_switch_stays_on_the_page(page, path):
    page.goto(address("en", path))
    page.locator("a.language-switch").first.click()
    assert page.url.split("#")[0] == address("zh", path)
    assert page.locator("html").get_attribute("lang").startswith("zh")
    page.locator("a.language-switch").first.click()
    assert page.url.split("#")[0] == address("en", path)


@pytest.mark.parametrize("net", ["demo_cnn", "inception_v3"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_layer_leads_to_its_line_and_the_line_back(page, language, net):
    page.goto(address(language, f"nets/{net}.html"))
    link = page.locator("td a[href^='#source-']").first
    name = link.text_content()
    link.click()
    line = page.locator("pre.source :target")
    line.wait_for(state="visible")
    back = line.locator(".built a").filter(has_text=name).first
    back.click()
    assert page.locator("tr:target td").first.text_content().strip() == name


def test_a_graph_fits_a_phone(browser):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(address("zh", "nets/hand_signs.html"))
    graph = page.locator("svg.net-graph")
    box = graph.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    page.locator('[data-level="stages"] > .buttons [data-zoom="1.25"]').click()
    assert graph.bounding_box()["width"] == pytest.approx(box["width"] * 1.25, rel=0.01)
    page.close()


def test_the_buttons_of_a_graph_fit_a_finger(browser):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(address("en", "nets/inception_v3.html"))
    buttons = page.locator('[data-level="stages"] > .buttons rect')
    assert buttons.count() == 4
    for button in buttons.all():
        box = button.bounding_box()
        assert box["height"] >= 19 and box["width"] >= 21 and box["x"] + box["width"] <= 390
    page.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_phone_shows_every_column_of_a_wide_table(browser, language):
    """A row is a card: its values come after the names of their columns."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(address(language, "documents/rows_001.html"))
    row = page.locator("tr#row-001-f57")
    cells = row.locator("td").all()
    assert len(cells) == 6
    for cell in cells:
        box = cell.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    label = 'one => getComputedStyle(one, "::before").content'
    assert cells[-1].evaluate(label) == {"en": '"verdict: "', "zh": '"判定: "'}[language]
    assert page.locator(".scrolls").count() == 0
    page.goto(address(language, "documents/001.html"))  # a figure is wider, and says so
    hint = page.locator(".scrolls > img").first.locator("..").evaluate(label)
    assert {"en": "scrolls sideways", "zh": "可左右滑动"}[language] in hint
    page.close()


@pytest.mark.parametrize("path", ["documents/001.html", "nets/hand_signs.html"])
def test_nothing_is_wider_than_paper(browser, path):
    page = browser.new_page(viewport={"width": 720, "height": 1000})
    page.emulate_media(media="print")
    page.goto(address("en", path))
    cut = """() => [...document.querySelectorAll("article :is(pre, table, svg, img)")]
        .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth)
        .map((one) => one.outerHTML.slice(0, 80))"""
    assert page.evaluate(cut) == []
    page.close()


def test_a_dark_page_is_printed_in_light_colours(browser):
    page = browser.new_page(color_scheme="dark")
    page.goto(address("en", "start.html"))
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.emulate_media(media="print")
    page.wait_for_function("document.documentElement.dataset.theme === 'light'")
    assert page.evaluate(background) == "rgb(255, 255, 255)" != dark
    page.emulate_media(media="screen")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    assert page.evaluate(background) == dark
    page.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_layers_fit_a_page_of_1280_pixels(browser, language):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    for net in ("hand_signs", "inception_v3", "vit_base_patch16_224_in21k", "r2plus1d_18"):
        page.goto(address(language, f"nets/{net}.html"))
        table = page.locator("div.wide-table:has(td.shape)")
        assert table.evaluate("one => one.scrollWidth <= one.clientWidth"), net
    page.close()


def results(page, name):
    """The widget's results: label -> text."""
    place = page.locator(f'[data-name="{name}"] dl')
    labels = place.locator("dt").all_text_contents()
    return list(zip(labels, place.locator("dd").all_text_contents(), strict=True))


def test_the_output_size_that_is_shown(page):
    page.goto(address("en", "playgrounds/sizes.html"))
    size = page.get_by_label("size of the map")
    for given in (7, 224, 299):
        size.fill(str(given))
        before, after = formulas.compute_same_padding(given, 7, 2)
        assert results(page, "output-size") == [
            ("output size", str(formulas.compute_output_size(given, 7, 2, "SAME"))),
            ("zeros before, after", f"{before}, {after}"),
        ]
    size.fill("3")
    page.get_by_label("padding").select_option("VALID")
    assert results(page, "output-size")[0] == ("output size", "the kernel does not fit")


def test_the_receptive_fields_and_parameters_that_are_shown(page):
    page.goto(address("en", "playgrounds/sizes.html"))
    page.get_by_label("layers: kernel, stride; one a line").fill("3, 2\n3, 1, 2")
    assert results(page, "receptive-field") == [
        ("receptive field 1", "3"),
        ("receptive field 2", "11"),
    ]
    place = page.locator('[data-name="parameters"]')
    assert results(page, "parameters") == [("parameters", "9,472")]
    place.get_by_label("bias").uncheck()
    assert results(page, "parameters") == [("parameters", "9,408")]
    place.get_by_label("layer").select_option("lstm")
    assert results(page, "parameters") == [("parameters", "17,408")]


def test_the_other_playgrounds_show_values(page):
    page.goto(address("en", "playgrounds/batch_norm.html"))
    page.get_by_label("steps", exact=True).fill("0")
    shown = dict(results(page, "batch-norm"))
    assert shown["batch mean, variance"] == "6, 3.5000" and shown["moving mean, variance"] == "0, 1"
    page.goto(address("en", "playgrounds/softmax_and_dropout.html"))
    assert dict(results(page, "softmax"))["softmax once"].startswith("0.950")
    page.get_by_label("number (keep_prob or rate)").fill("0.5")
    rows = results(page, "dropout")
    assert set(rows[0][1].split(", ")) <= {"0", "2"} and rows[0] == ("as keep_prob", rows[2][1])
    page.goto(address("en", "playgrounds/convolution.html"))
    page.get_by_label("row").fill("1")
    assert results(page, "convolution")[1][1].endswith("= -36")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", [*PAGES, "documents/rows_001.html", "nets/demo_cnn.html"])
def test_axe_finds_nothing_serious(browser, path, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = browser.new_page(color_scheme=scheme, reduced_motion="reduce")  # no colour in between
    page.goto(address("en", path))
    page.evaluate(f"document.documentElement.dataset.theme = '{scheme}'")
    found = axe.run(page).response["violations"]
    page.close()
    serious = {
        row["id"]: [node["html"][:120] for node in row["nodes"][:3]]
        for row in found
        if row["impact"] in ("serious", "critical")
    }
    assert serious == {}
