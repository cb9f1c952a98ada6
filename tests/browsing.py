"""Headless Chromium as a person uses it: it sees, clicks and types, and remembers what the page asked for."""

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

    def __init__(self, profile, saved, chromium, driver):
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
        """As a person closes the window."""
        self.driver.quit()

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.find(selector).text

    def type(self, *keys):
        """Press keys, wherever the focus is."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def until(self, condition):
        WebDriverWait(self.driver, PATIENCE_SECONDS, poll_frequency=0.05).until(lambda _: condition())

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
