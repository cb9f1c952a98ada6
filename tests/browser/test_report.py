"""The report in a real browser, from the disk: what loads, what moves together, what can be read, what prints."""

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from tests.browser.conftest import PHONE
from tests.browser.reader import letters

# Of the fixture's realsr: the image is 112 x 104, the square 48 x 48.
SIDE = 48


def test_it_opens_from_the_disk_asks_for_nothing_and_says_nothing(open_report, report):
    reader = open_report()
    assert reader.asked() == [report.as_uri()]
    assert reader.console() == []


def test_every_picture_loads(open_report):
    reader = open_report()
    sizes = reader.ask("return [...document.images].map((image) => image.complete && image.naturalWidth)")
    assert len(sizes) >= 1 + 4 + 2  # at least Figure 1, scores, pools
    assert all(sizes)
    drawn = reader.driver.execute_async_script("""
      const done = arguments[0];
      const uris = [...document.querySelectorAll("svg image")].map((image) => image.getAttribute("href"));
      Promise.all(uris.map((uri) => new Promise((resolve) => {
        const image = new Image();
        image.onload = image.onerror = () => resolve(image.naturalWidth);
        image.src = uri;
      }))).then(done);
    """)
    assert len(drawn) == 5 + 19 + 2 * 5  # whole images, versions, and two of each set at the divider
    assert set(drawn) == {104, 26}  # HR, and LR as few pixels as it has


def test_links_lead_to_what_they_name(open_report, report):
    reader = open_report()
    places = reader.ask("return [...document.links].map((link) => link.getAttribute('href'))")
    ids = set(reader.ask("return [...document.querySelectorAll('[id]')].map((part) => part.id)"))
    assert {place[1:] for place in places if place.startswith("#")} <= ids
    files = {place for place in places if not place.startswith("#")}
    assert len(files) >= 2 * (1 + 5 + 4)
    assert all((report.parent / file).is_file() for file in files)
    number = reader.find("a.number[href^='#run-']")
    reader.bring(number)
    number.click()
    assert reader.ask("return document.querySelector(':target').id") == number.get_attribute("href").split("#")[1]


@pytest.mark.parametrize("way", ["hover", "focus"])
def test_a_number_names_run_commit_and_data(open_report, way):
    reader = open_report()
    number = reader.find("a.number[href='#run-camerasr-full-s1-0a1b']")
    behind = reader.find(f"#{number.get_attribute('aria-describedby')}")
    assert not behind.is_displayed()
    reader.bring(number)
    if way == "hover":
        ActionChains(reader.driver).move_to_element(number).perform()
    else:
        reader.find("body").send_keys(Keys.TAB)  # focus by keyboard is shown, focus by script need not be
        reader.ask("arguments[0].focus({focusVisible: true})", number)
    assert behind.is_displayed()
    for words in ("Run camerasr-full-s1-0a1b: commit c0ffeec0ffee.", "splits/camerasr.csv sha256"):
        assert words in behind.text
    bottom = reader.ask("return arguments[0].getBoundingClientRect().bottom <= innerHeight", behind)
    assert bottom


# --- two versions at a divider ----------------------------------------------------------------------


def test_the_divider_moves_by_mouse_on_the_picture_and_by_keys_on_the_slider(open_report):
    reader = open_report()
    part = reader.dataset("realsr")
    slider, picture, over = part(".divider input"), part(".pair > svg"), part(".over")
    assert slider.get_attribute("value") == "50"
    assert float(over.get_attribute("x")) == 52
    reader.drag(picture, picture.size["width"] // 4)
    assert abs(int(slider.get_attribute("value")) - 75) <= 1
    assert abs(float(over.get_attribute("x")) - 78) <= 1
    slider.send_keys(Keys.HOME)
    assert float(over.get_attribute("width")) == 104
    slider.send_keys(Keys.ARROW_RIGHT)
    assert float(over.get_attribute("x")) == pytest.approx(1.04)
    assert slider.get_attribute("aria-valuetext") == "1 %: left Bicubic, right Cria-CL (full)"
    assert slider.accessible_name.startswith("Divider")
    assert reader.console() == []


def test_the_versions_at_the_divider_are_picked_from_lists(open_report):
    reader = open_report()
    part = reader.dataset("camerasr")
    before, after = Select(part(".before")), Select(part(".after"))
    assert before.first_selected_option.text == "LR, untouched"
    assert after.first_selected_option.text == "Cria-CL (full)"
    after.select_by_visible_text("Ground truth")
    assert part(".over image").get_attribute("href") == part("[data-version=hr]").get_attribute("href")
    assert part(".under").get_attribute("href") == part("[data-version=identity]").get_attribute("href")
    assert "right of it Ground truth" in part(".pair > svg").get_attribute("aria-label")


def test_the_divider_shows_on_demand_what_the_versions_show(open_report):
    reader = open_report()
    part = reader.dataset("realsr")
    assert reader.part(part(".pair > svg")) == (0, 0, 104, 112)
    reader.bring(part(".follow"))
    part(".follow").click()
    assert {reader.part(part(".pair > svg"))} == reader.parts("realsr")
    part("[data-do=in]").click()
    assert {reader.part(part(".pair > svg"))} == reader.parts("realsr")


# --- all versions together --------------------------------------------------------------------------


def middle(box):
    x, y, width, height = box
    return x + width / 2, y + height / 2


def test_buttons_move_all_versions_of_a_dataset_and_no_other(open_report):
    reader = open_report()
    part = reader.dataset("realsr")
    others = reader.parts("ntire2020")
    (first,) = reader.parts("realsr")
    assert first[2:] == (SIDE, SIDE)
    reader.bring(part("[data-do=in]"))
    part("[data-do=in]").click()
    (near,) = reader.parts("realsr")
    assert near[2:] == (SIDE / 1.5, SIDE / 1.5)
    assert middle(near) == pytest.approx(middle(first))
    assert float(part(".frame").get_attribute("width")) == SIDE / 1.5
    assert part("output").text.startswith("32 pixels a side from")
    part("[data-do=all]").click()
    assert reader.parts("realsr") == {(-4, 0, 112, 112)}
    part("[data-do=square]").click()
    assert reader.parts("realsr") == {first}
    assert reader.parts("ntire2020") == others


def test_the_keyboard_moves_all_versions_and_stays_in_the_image(open_report):
    reader = open_report()
    tiles = reader.dataset("realsr")(".tiles")
    (first,) = reader.parts("realsr")
    tiles.send_keys("+")
    ((x, y, side, _),) = reader.parts("realsr")
    assert side == SIDE / 1.5
    tiles.send_keys(*[Keys.ARROW_LEFT] * 20, *[Keys.ARROW_UP] * 20)
    ((x, y, *_),) = reader.parts("realsr")
    assert (x, y) == (0, 0)
    tiles.send_keys(Keys.ARROW_RIGHT)
    ((x, y, *_),) = reader.parts("realsr")
    assert (x, y) == (side / 4, 0)
    tiles.send_keys(Keys.END)
    assert reader.parts("realsr") == {(-4, 0, 112, 112)}
    tiles.send_keys(Keys.HOME)
    assert reader.parts("realsr") == {first}


def test_dragging_one_version_moves_all_by_as_much(open_report):
    reader = open_report()
    picture = reader.dataset("realsr")(".tile svg")
    tiles = reader.dataset("realsr")(".tiles")
    tiles.send_keys("+", "+", *[Keys.ARROW_LEFT] * 20, *[Keys.ARROW_UP] * 20)
    ((_, _, side, _),) = reader.parts("realsr")
    reader.drag(picture, -40, -20)
    ((x, y, after, _),) = reader.parts("realsr")
    assert after == side
    width = reader.ask("return arguments[0].getBoundingClientRect().width", picture)
    assert x == pytest.approx(40 * side / width, abs=0.05)
    assert y == pytest.approx(20 * side / width, abs=0.05)


def test_the_wheel_zooms_with_ctrl_alone(open_report):
    reader = open_report()
    picture = reader.dataset("realsr")(".tile svg")
    (first,) = reader.parts("realsr")
    reader.turn_wheel(picture, -100, ctrl=False)
    assert reader.parts("realsr") == {first}
    reader.turn_wheel(picture, -100, ctrl=True)
    reader.until(lambda: reader.parts("realsr") != {first})
    (near,) = reader.parts("realsr")
    assert near[2] < first[2]
    assert middle(near) == pytest.approx(middle(first), abs=0.5)


def test_pixels_are_blocks(open_report):
    reader = open_report()
    styles = reader.ask(
        "return [...document.querySelectorAll('svg image')].map((image) => getComputedStyle(image).imageRendering)"
    )
    assert set(styles) == {"pixelated"}


def test_without_scripts_there_is_the_grid_and_nothing_that_would_not_work(open_report):
    reader = open_report(script=False)
    assert len(reader.parts("realsr")) == 1
    assert all(picture.is_displayed() for picture in reader.all(".tile svg"))
    assert not [part for part in reader.all(".controls, .pair, .scripted") if part.is_displayed()]


# --- to read and to print ---------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(open_report, scheme):
    reader = open_report(scheme=scheme)
    found = reader.contrasts()
    number = reader.find("a.number")
    reader.bring(number)
    ActionChains(reader.driver).move_to_element(number).perform()
    found += reader.contrasts()
    assert len(found) > 300
    assert [element for ratio, element in found if ratio < 4.5] == []


@pytest.mark.parametrize("script", [True, False])
def test_a_phone_scrolls_in_one_direction_alone(open_report, script):
    reader = open_report(PHONE, script=script)
    whole, seen = reader.ask(
        "const { scrollWidth, clientWidth } = document.documentElement; return [scrollWidth, clientWidth]"
    )
    assert whole == seen


def test_no_figure_is_cut_by_the_end_of_a_page_and_paper_shows_the_squares(open_report):
    reader = open_report()
    (first,) = reader.parts("realsr")
    reader.dataset("realsr")(".tiles").send_keys("+")
    (zoomed,) = reader.parts("realsr")
    reader.ask(
        "addEventListener('beforeprint', () => { window.seen = document.querySelector('.tile svg').outerHTML; })"
    )
    pages = reader.printed()
    assert f'viewBox="{" ".join(f"{number:g}" for number in first)}"' in reader.ask("return window.seen")
    assert reader.parts("realsr") == {zoomed}
    reader.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    figures = reader.ask("return [...document.querySelectorAll('figure')].map((figure) => figure.innerText)")
    texts = [letters(figure) for figure in figures]
    ends = [0, *(sum(map(len, pages[: count + 1])) for count in range(len(pages)))]
    whole, at = "".join(pages), 0
    for text in texts:
        start = whole.index(text[:24], at)
        at = whole.index(text[-24:], start) + 24
        page = max(number for number, end in enumerate(ends) if end <= start)
        assert at <= ends[page + 1], text[:40]
    assert len(texts) >= 8 + 1 + 5 + 4 + 2
    assert "Zoomin" not in whole
