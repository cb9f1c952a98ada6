"""Headless Chromium as a rater uses it: it sees, clicks and types, and remembers what the page asked for."""

import json

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=1366,900"
)
PATIENCE_SECONDS = 30


class Browser:
    """One browser with a profile folder and a folder for what it saves."""

    def __init__(self, chromium, driver, profile, saved):
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for flag in [*FLAGS.split(), f"--user-data-dir={profile}"]:
            options.add_argument(flag)
        options.add_experimental_option("prefs", {"download.default_directory": str(saved)})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options, Service(driver))
        self.saved = saved
        self._console, self._asked = [], []

    def close(self):
        """As a rater closes the window."""
        self.driver.quit()

    def begin(self, url, name=""):
        """Open the page and begin as `name`."""
        self.driver.get(url)
        self.until(lambda: self.shown("start"))
        self.find("#name").send_keys(name)
        self.find("#enter button").click()
        self.until(lambda: self.shown("rating") or self.shown("end"))

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.find(selector).text

    def shown(self, part):
        """Whether `start`, `rating` or `end` is the part that is seen."""
        return self.find(f"#{part}").is_displayed()

    def type(self, *keys):
        """Press keys, wherever the focus is."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def versions(self):
        """Opaque ids of the versions on the screen, in their order."""
        return [part.find_element(By.CSS_SELECTOR, "input").get_attribute("name") for part in self.all("fieldset")]

    def chosen(self):
        """The score chosen for each version on the screen, in their order; None where there is none."""
        found = [part.find_elements(By.CSS_SELECTOR, "input:checked") for part in self.all("fieldset")]
        return [int(inputs[0].get_attribute("value")) if inputs else None for inputs in found]

    def rate(self, *scores):
        """Click a score for each version on the screen; what was clicked, as (version, score)."""
        versions = self.versions()
        for version, score in zip(versions, scores, strict=True):
            self.find(f'input[name="{version}"][value="{score}"]').click()
        return list(zip(versions, scores, strict=True))

    def next(self):
        """Go to the next patch, or to the end, and wait for it."""
        before = self.text("#where")
        self.find("#next").click()
        self.until(lambda: self.text("#where") != before or self.shown("end"))

    def until(self, condition):
        WebDriverWait(self.driver, PATIENCE_SECONDS, poll_frequency=0.05).until(lambda _: condition())

    def stored(self):
        """Wait until the page says that everything given is stored."""
        self.until(lambda: self.text("#kept") == "All stored")

    def console(self):
        """Everything that the console has said so far."""
        self._console += [entry["message"] for entry in self.driver.get_log("browser")]
        return self._console

    def asked(self):
        """Addresses of all requests so far, but for the browser's own pages and what a page holds itself."""
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self._asked.append(message["params"]["request"]["url"])
        return [url for url in self._asked if not url.startswith(("data:", "chrome:", "blob:"))]
