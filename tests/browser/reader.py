"""Chromium as a reader of the report uses it."""

import base64
import io
from unicodedata import normalize

from pypdf import PdfReader
from selenium.webdriver.common.action_chains import ActionChains

from tests.browsing import Browser

CONTRASTS = """
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const pixel = (...colours) => {
  canvas.clearRect(0, 0, 1, 1);
  for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
  return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((level) => level / 255);
};
const luminance = (rgb) => rgb
  .map((level) => level <= 0.04045 ? level / 12.92 : ((level + 0.055) / 1.055) ** 2.4)
  .reduce((sum, level, place) => sum + [0.2126, 0.7152, 0.0722][place] * level, 0);
const behind = (element) => element
  ? [...behind(element.parentElement), getComputedStyle(element).backgroundColor] : ["white"];
const found = [];
for (const element of document.querySelectorAll("body *")) {
  const words = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!words || !element.checkVisibility() || ["SCRIPT", "OPTION"].includes(element.tagName)) continue;
  const under = behind(element), over = getComputedStyle(element).color;
  const [low, high] = [luminance(pixel(...under)), luminance(pixel(...under, over))].sort((a, b) => a - b);
  found.push([(high + 0.05) / (low + 0.05), element.tagName + " " + element.textContent.trim().slice(0, 40)]);
}
return found;
"""


def letters(text):
    """Letters and digits alone: print loses blanks and hyphens at the ends of lines, and joins letters as in ﬁ."""
    return "".join(character for character in normalize("NFKC", text) if character.isalnum())


class Reader(Browser):
    """Who looks at the page, drags, turns the wheel and prints."""

    def set_up(self, size, *, script, scheme):
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def ask(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def dataset(self, name):
        """A function that finds parts of the comparison of a dataset."""
        return lambda selector: self.find(f"#comparison-{name} {selector}")

    def parts(self, name):
        """The viewBox of every version of a dataset, as a set of tuples of numbers."""
        return {self.part(svg) for svg in self.all(f"#comparison-{name} .tile svg")}

    def part(self, picture):
        """The viewBox of a picture: left, top, width, height."""
        return tuple(map(float, self.ask("return arguments[0].getAttribute('viewBox')", picture).split()))

    def drag(self, element, across, down=0):
        """From the element's middle, in CSS pixels."""
        self.bring(element)
        ActionChains(self.driver).move_to_element(element).click_and_hold().move_by_offset(
            across, down
        ).release().perform()

    def bring(self, element):
        self.ask("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)

    def turn_wheel(self, element, turn, *, ctrl):
        """Over the element's middle."""
        self.bring(element)
        x, y = self.ask(
            "const r = arguments[0].getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]",
            element,
        )
        event = {"type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": turn, "modifiers": 2 if ctrl else 0}
        self.driver.execute_cdp_cmd("Input.dispatchMouseEvent", event)

    def contrasts(self):
        """(ratio by WCAG 2, element) of everything that shows text."""
        return [(ratio, element) for ratio, element in self.ask(CONTRASTS)]

    def printed(self):
        """The letters and digits of every page of A4."""
        paper = {"paperWidth": 8.27, "paperHeight": 11.69}
        data = self.driver.execute_cdp_cmd("Page.printToPDF", paper)["data"]
        pages = PdfReader(io.BytesIO(base64.b64decode(data))).pages
        return [letters(page.extract_text()) for page in pages]
