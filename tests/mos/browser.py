"""Chromium as a rater uses it."""

from selenium.webdriver.common.by import By

from tests.browsing import Browser


class Rater(Browser):
    """Who opens the rating page, begins, rates and goes on."""

    def begin(self, url, name=""):
        """Open the page and begin as `name`."""
        self.driver.get(url)
        self.until(lambda: self.shown("start"))
        self.find("#name").send_keys(name)
        self.find("#enter button").click()
        self.until(lambda: self.shown("rating") or self.shown("end"))

    def shown(self, part):
        """Whether `start`, `rating` or `end` is the part that is seen."""
        return self.find(f"#{part}").is_displayed()

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

    def stored(self):
        """Wait until the page says that everything given is stored."""
        self.until(lambda: self.text("#kept") == "All stored")
