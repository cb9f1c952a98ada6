"""The rating page in a real browser, against the real server, as raters use it."""

import json
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urlsplit

from selenium.webdriver.common.keys import Keys

from pipeline.mos.study import read_study
from tests.mos.conftest import METHODS


def given(opinions, rater):
    """What a rater's file holds, as (version, score)."""
    lines = (opinions / f"{rater}.jsonl").read_text(encoding="utf-8").splitlines()
    return [(answer["version"], answer["score"]) for answer in map(json.loads, lines)]


def test_a_rater_stops_half_way_comes_back_and_finishes_and_the_file_holds_exactly_the_clicks(
    start, open_browser, opinions
):
    server, browser = start(), open_browser()
    browser.begin(server.url, "Anna B.")
    clicked = browser.rate(0, 5, 3)
    browser.stored()
    assert browser.text("#count") == "3 of 6 versions rated, as anna-b"
    assert browser.console() == []
    browser.close()

    assert given(opinions, "anna-b") == clicked
    again = open_browser()
    again.driver.get(server.url)
    again.until(lambda: again.find("#resume").is_displayed())
    again.find("#resume").click()
    again.until(lambda: again.shown("rating"))
    assert again.text("#where") == "Patch 2 of 2"
    clicked += again.rate(1, 2, 4)
    again.stored()
    again.next()
    assert again.text("#end-title") == "All patches are rated. Thank you!"
    assert given(opinions, "anna-b") == clicked
    assert len({version for version, _ in clicked}) == 6
    assert again.console() == []
    assert {urlsplit(url).netloc for url in again.asked()} == {f"127.0.0.1:{server.port}"}


def test_where_each_version_stood_is_in_the_answer(start, open_browser, opinions):
    server, browser = start(), open_browser()
    browser.begin(server.url, "anna")
    first = browser.versions()
    browser.rate(1, 1, 1)
    browser.next()
    second = browser.versions()
    browser.rate(2, 2, 2)
    browser.stored()
    lines = map(json.loads, (opinions / "anna.jsonl").read_text().splitlines())
    assert {line["version"]: (line["screen"], line["position"]) for line in lines} == {
        version: (screen, position)
        for screen, versions in enumerate((first, second), start=1)
        for position, version in enumerate(versions, start=1)
    }


def test_the_keyboard_alone_rates_everything(start, open_browser, opinions):
    server, browser = start(), open_browser()
    browser.driver.get(server.url)
    browser.until(lambda: browser.shown("start"))
    browser.find("body").send_keys(Keys.TAB)
    browser.type("bo", Keys.ENTER)
    browser.until(lambda: browser.shown("rating"))
    screens = [browser.versions()]
    browser.type("3", "0", "5", Keys.ENTER)
    browser.until(lambda: browser.text("#where") == "Patch 2 of 2")
    screens.append(browser.versions())
    browser.type("1", "2")
    browser.type(Keys.SPACE, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)  # as in any group of radio buttons
    browser.stored()
    browser.type(Keys.ENTER)
    assert browser.text("#end-title") == "All patches are rated. Thank you!"
    assert dict(given(opinions, "bo")) == dict(zip([*screens[0], *screens[1]], (3, 0, 5, 1, 2, 2), strict=True))
    assert browser.console() == []


def test_a_digit_with_the_focus_outside_the_versions_rates_nothing(start, open_browser, opinions):
    server, browser = start(), open_browser()
    browser.begin(server.url, "anna")
    browser.driver.execute_script("document.activeElement.blur()")
    browser.find("body").send_keys("4")
    assert browser.chosen() == [None, None, None]
    assert browser.text("#count").startswith("0 of 6")
    assert not (opinions / "anna.jsonl").exists()


def test_a_changed_mind_is_one_more_line_and_the_reloaded_page_shows_the_last(start, open_browser, opinions):
    server, browser = start(), open_browser()
    browser.begin(server.url, "anna")
    clicked = browser.rate(0, 1, 2) + browser.rate(5, 4, 3)
    browser.stored()
    browser.driver.refresh()
    browser.until(lambda: browser.text("#where") == "Patch 2 of 2")
    browser.find("#back").click()
    browser.until(lambda: browser.text("#where") == "Patch 1 of 2")
    assert browser.chosen() == [5, 4, 3]
    assert given(opinions, "anna") == clicked


def test_a_server_killed_in_the_middle_loses_nothing(start, open_browser, opinions):
    server, browser = start(), open_browser()
    browser.begin(server.url, "anna")
    clicked = browser.rate(0, 1, 2)
    browser.stored()
    server.kill()
    assert given(opinions, "anna") == clicked

    browser.next()
    clicked += browser.rate(3, 4, 5)
    browser.until(lambda: "kept in this browser and sent again" in browser.text("#notice"))
    browser.close()  # nobody has these three but the browser's own storage
    assert given(opinions, "anna") == clicked[:3]

    again = open_browser()
    start(server.port)
    again.driver.get(f"{server.url}/#anna")
    again.until(lambda: given(opinions, "anna") == clicked)
    again.until(lambda: again.text("#end-title") == "All patches are rated. Thank you!")


def test_two_raters_at_once_have_orders_and_files_of_their_own(start, open_browser, opinions):
    server, anna, bo = start(), open_browser("anna"), open_browser("bo")
    anna.begin(server.url, "anna")
    bo.begin(server.url, "bo")
    clicked = {"anna": [], "bo": []}
    for scores in ((0, 1, 2), (3, 4, 5)):
        clicked["anna"] += anna.rate(*scores)
        clicked["bo"] += bo.rate(*reversed(scores))
        anna.next()
        bo.next()
    anna.until(lambda: {rater: given(opinions, rater) for rater in clicked} == clicked)
    assert [version for version, _ in clicked["anna"]] != [version for version, _ in clicked["bo"]]


def test_an_order_is_the_raters_own_and_every_version_stands_everywhere_equally_often(start, open_browser):
    server, browser = start(), open_browser()
    browser.begin(server.url, "anna")
    orders = browser.driver.execute_script(
        "return Array.from({length: 3000}, (_, n) => { rater = `rater-${n}`;"
        " return ordered(study.patches[0].versions, (version) => version); });"
    )
    again = browser.driver.execute_script(
        "rater = 'rater-7'; return ordered(study.patches[0].versions, (version) => version);"
    )
    assert again == orders[7]
    counts = Counter(map(tuple, orders))
    assert len(counts) == 6
    # 500 expected of each; six standard deviations are 123.
    assert all(377 < count < 623 for count in counts.values())


def test_someone_without_a_name_gets_an_id_and_can_come_back_with_it(start, open_browser, opinions):
    server, browser = start(), open_browser()
    browser.begin(server.url)
    browser.rate(1, 2, 3)
    browser.stored()
    browser.find("#stop").click()
    rater = browser.text("#rater")
    assert rater.startswith("anonymous-")
    assert "3 of 6 versions have no rating yet" in browser.text("#end-text")
    elsewhere = open_browser("elsewhere")
    elsewhere.begin(server.url, rater)
    elsewhere.until(lambda: elsewhere.text("#where") == "Patch 2 of 2")
    assert [file.stem for file in opinions.glob("*.jsonl")] == [rater]


def test_all_stored_does_not_stand_while_an_answer_is_under_way(start, open_browser):
    server, browser = start(), open_browser()
    browser.begin(server.url, "ada")
    browser.rate(1, 2, 3)
    browser.stored()
    browser.driver.execute_script(
        "const send = window.fetch;"
        "const gate = new Promise((open) => { window.openGate = open; });"
        "window.fetch = (...request) => gate.then(() => send(...request));"
    )
    browser.rate(3, 2, 1)
    assert browser.text("#kept") == "Not stored yet"
    browser.driver.execute_script("window.openGate();")
    browser.stored()


def test_any_name_becomes_an_id_that_is_safe_in_a_file_name(start, open_browser, opinions):
    server, browser = start(), open_browser()
    for name in ("Zoë O'Hara", "名前", "हिन्दी ௰", "../../etc/passwd", "x" * 40):
        browser.driver.get("about:blank")
        browser.begin(server.url, name)
        clicked = browser.rate(1, 2, 3)
        browser.stored()
        rater = unquote(urlsplit(browser.driver.current_url).fragment)
        assert given(opinions, rater) == clicked
    assert sorted(file.stem for file in opinions.glob("*.jsonl")) == [
        "etc-passwd",
        "x" * 36,
        "zoë-o-hara",
        "हिन्दी-௰",
        "名前",
    ]


def test_a_name_without_a_letter_is_refused_in_words(start, open_browser):
    server, browser = start(), open_browser()
    browser.driver.get(server.url)
    browser.until(lambda: browser.shown("start"))
    browser.find("#name").send_keys("!?")
    browser.find("#enter button").click()
    assert browser.text("#name-wrong") == "A name needs at least one letter or digit."
    assert browser.shown("start")


def test_a_screen_reader_hears_what_each_picture_and_choice_is(start, open_browser):
    server, browser = start(), open_browser()
    browser.begin(server.url, "anna")
    first = browser.find("fieldset")
    assert (first.aria_role, first.accessible_name) == ("group", "Version A")
    choices = browser.all("fieldset:first-of-type input")
    assert [choice.aria_role for choice in choices] == ["radio"] * 6
    assert choices[0].accessible_name == "0: excellent, like a good photograph"
    assert choices[5].accessible_name == "5: bad, disturbing all over"
    assert [image.accessible_name for image in browser.all("#patch img")] == [
        "The input",
        "Version A of patch 1",
        "Version B of patch 1",
        "Version C of patch 1",
    ]
    assert browser.find("#progress").accessible_name == "versions rated"


def test_nothing_is_cut_off_or_too_small_to_touch_at_any_width(start, open_browser):
    server, browser = start(), open_browser()
    browser.begin(server.url, "anna")
    script = browser.driver.execute_script
    for width, height in ((320, 640), (375, 667), (768, 1024), (1366, 768)):
        size = {"width": width, "height": height, "deviceScaleFactor": 2, "mobile": width < 768}
        browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        assert script("return document.documentElement.scrollWidth") <= width
        labels = script(
            "return [...document.querySelectorAll('.scores label')].map(x => [x.offsetWidth, x.offsetHeight])"
        )
        assert min(min(label) for label in labels) >= 24  # WCAG 2.2, 2.5.8
        pictures = script("return [...document.querySelectorAll('#patch img')].map(x => [x.width, x.height])")
        assert len(pictures) == 4
        assert len(set(map(tuple, pictures))) == 1
        assert script("return [...document.querySelectorAll('#patch img')].every(x => x.naturalWidth > 0)")


def test_the_page_is_light_or_dark_as_the_rater_has_it(start, open_browser):
    server, browser = start(), open_browser()
    browser.begin(server.url, "anna")
    seen = {}
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        seen[scheme] = browser.driver.execute_script(
            "const style = getComputedStyle(document.body); return [style.color, style.backgroundColor];"
        )
    assert seen == {
        "light": ["rgb(27, 28, 30)", "rgb(253, 253, 251)"],
        "dark": ["rgb(230, 231, 233)", "rgb(22, 24, 27)"],
    }


def test_pictures_that_cannot_be_had_are_waited_for_not_rated(start, open_browser):
    server, browser = start(), open_browser()
    browser.driver.execute_cdp_cmd("Network.enable", {})
    browser.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/pictures/*"]})
    browser.driver.get(f"{server.url}/#anna")
    browser.until(lambda: browser.text("#notice") == "The pictures cannot be loaded; trying again.")
    assert not browser.shown("rating")
    browser.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    browser.until(lambda: browser.shown("rating"))
    assert len(browser.versions()) == 3


def test_a_page_on_its_own_is_rated_reloaded_saved_and_imported(mos, project, open_browser, opinions):
    written = mos("--patches", "2", "--side", "64", "--write", "out")
    assert written.returncode == 0, written.stderr
    assert [file.name for file in (project / "out").iterdir()] == ["rate.html"]
    page = (project / "out" / "rate.html").as_uri()
    browser = open_browser()
    browser.begin(page, "Anna")
    clicked = browser.rate(0, 1, 2)
    browser.driver.refresh()
    browser.until(lambda: browser.text("#where") == "Patch 2 of 2")
    clicked += browser.rate(3, 4, 5)
    browser.next()
    rater = browser.text("#rater")
    browser.find("#save").click()
    saved = Path(browser.saved) / f"ratings-{rater}.jsonl"
    browser.until(saved.exists)
    assert browser.console() == []
    assert set(browser.asked()) == {page}

    taken = mos("--import", str(saved))
    assert taken.returncode == 0, taken.stderr
    assert taken.stdout == f"6 of 6 answers were new.\n{rater}: 6 of 6 versions rated\n"
    assert given(opinions, rater) == clicked
    assert mos("--import", str(saved)).stdout.startswith("0 of 6 answers were new.")
    assert given(opinions, rater) == clicked


def test_two_people_of_one_name_stay_apart_where_pages_are_sent_out(mos, project, open_browser):
    mos("--patches", "1", "--side", "64", "--write", "out")
    page = (project / "out" / "rate.html").as_uri()
    raters = []
    for profile in ("one", "other"):
        browser = open_browser(profile)
        browser.begin(page, "Anna")
        raters.append(urlsplit(browser.driver.current_url).fragment)
        browser.driver.get("about:blank")
        browser.begin(page, "Anna")
        assert urlsplit(browser.driver.current_url).fragment == raters[-1]
    assert raters[0] != raters[1]


def test_nothing_that_reaches_a_rater_tells_the_method(start, open_browser, opinions, mos, project):
    server, browser = start(), open_browser()
    browser.begin(server.url, "anna")
    browser.rate(1, 2, 3)
    browser.stored()
    mos("--write", "out")
    seen = [browser.driver.page_source, (project / "out" / "rate.html").read_text(), *browser.asked()]
    photographs = {patch.place.image for patch in read_study(opinions).patches}
    for text in seen:
        assert not [name for name in (*METHODS, *photographs) if name in text]
