#!/usr/bin/python3
"""An operator at the console of `srup-bench c2 --web`: a real browser, without a window.

Usage: browser.py press-accept --url URL --device ID --words FILE [--refuse] [--seconds N] [--screenshot FILE]
       browser.py double-click --url URL --device ID --words FILE --gap MILLISECONDS [--seconds N]
       browser.py watch --url URL --device ID [--seconds N]
       browser.py look --url URL --device ID --axe FILE [--seconds N]
       browser.py live --url URL [--seconds N]
       browser.py shots --url URL --screenshot FILE
       browser.py without-script --url URL --device ID --words FILE [--seconds N]
       browser.py start

URL is the one with the key behind the #, as c2 says it. FILE has the words that the device shows: nothing is decided before
it has eleven of them, as a person has to look at the device first.

press-accept    signs in, waits until the device asks to join, opens its page, types the words that are hidden there, and
                presses its button, with the keyboard alone
double-click    does the same, and clicks on Accept with the mouse, twice, so far apart, at the same place of the screen
watch           signs in, opens the page of the device's join, and waits until it says what became of the join
look            signs in, waits for the same, and measures every page: what is wrong with it is said, one line each
live            signs in, opens the history, shows what is new when the page counts it, and waits for the banner
shots           signs in, and makes screenshots of every page into FILE-PAGE-WIDTH-SCHEME.png, for people to look at
without-script  signs in with scripts switched off, and accepts the device
start           starts the browser and ends it, to see whether it can be started here

Exit status: 0 as it must be, 1 if not, 3 if there is no such browser here, or if it does not start.

On standard output one line of JSON: what was seen.
"""

import argparse
import json
import pathlib
import os
import shutil
import signal
import sys
import tempfile
import time
import urllib.request
import xml.etree.ElementTree
from urllib.parse import urlsplit

try:
    from selenium import webdriver
    from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait
except ImportError:
    print("browser: python3-selenium is missing\nhint: run Scripts/setup", file=sys.stderr)
    sys.exit(3)

BROWSER, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"

# An accessibility engine: what it finds wrong with the page, one line each. Its file is fetched by the script beside this one.
AXE = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ["violations"], preload: false}).then(
  (found) => done(found.violations.flatMap((one) => one.nodes.map((node) =>
    `${one.id}: ${one.help}: ${node.target.join(" ")}`))),
  (error) => done([`axe: ${error}`]));
"""

# Text whose contrast is below 4.5:1, with what is measured. Colours are the computed ones; those of a drawing are its fills.
CONTRAST = """
const numbers = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
  .map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
const ratio = (a, b) => {
  const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
  return (x + .05) / (y + .05);
};
const behind = (element) => {
  const page = element.closest("svg")?.querySelector(".page");
  if (page) return numbers(getComputedStyle(page).fill);
  for (let at = element; at; at = at.parentElement) {
    const colour = numbers(getComputedStyle(at).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
const poor = [];
let measured = 0;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest(".unseen, title, style")) continue;
  const style = getComputedStyle(element);
  const found = ratio(numbers(element.closest("svg") ? style.fill : style.color), behind(element));
  measured += 1;
  if (found < 4.5) poor.push(`${found.toFixed(2)}:1 for "${walker.currentNode.data.trim().slice(0, 40)}"`);
}
return [measured, poor];
"""

# Whatever sticks out to the right, but for what stands in a box that scrolls by itself.
OVERFLOW = """
const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth ? ["the page"] : [];
for (const one of document.querySelectorAll("body *")) {
  if (one.closest(".figure *, .unseen, .skip, option, thead, datalist")) continue;
  const box = one.getBoundingClientRect();
  if (box.width && box.right > document.documentElement.clientWidth + .5) wide.push(`${one.tagName} ${one.className}`);
  if (one.matches(".value.words li") && one.scrollWidth > one.clientWidth) wide.push(`the word ${one.textContent}`);
}
return wide;
"""

# What an assistive technology would stumble over.
ACCESS = """
const wrong = [];
const want = (holds, words) => { if (!holds) wrong.push(words); };
const all = (selector) => [...document.querySelectorAll(selector)];
want(document.documentElement.lang === "en", "no language");
want(document.title.length > 0, "no title");
want(all("h1").length === 1, "not one h1");
want(all("main").length === 1, "not one main");
let level = 1;
for (const one of all("h1, h2, h3, h4")) {
  const own = Number(one.tagName[1]);
  want(own <= level + 1, `a heading of level ${own} below one of level ${level}`);
  level = own;
}
for (const one of all("input:not([type=hidden]), select, textarea")) {
  want(one.labels.length > 0, `no label for ${one.name}`);
}
for (const one of all("img")) want(one.alt.length > 0, "a picture without a text");
for (const one of all("button, a[href], summary")) want(one.textContent.trim().length > 0, "a button without words");
const ids = all("[id]").map((one) => one.id);
want(new Set(ids).size === ids.length, "two elements with one id");
for (const one of all("[aria-labelledby], [aria-describedby]")) {
  const names = `${one.getAttribute("aria-labelledby") || ""} ${one.getAttribute("aria-describedby") || ""}`;
  for (const name of names.trim().split(/ +/)) want(document.getElementById(name), `nothing with the id ${name}`);
}
want(all("[aria-live]").length > 0, "nobody is told of what is new");
for (const one of all("th")) want(one.scope, "a heading of a table without its scope");
for (const one of all("[tabindex]")) want(one.tabIndex <= 0, "an order of its own for the keyboard");
for (const one of all("[style]")) want(false, "style in the markup");
for (const one of all("button")) {
  want(!one.checkVisibility() || one.getBoundingClientRect().height >= 40, `"${one.textContent}" is small for a finger`);
}
return wrong;
"""


class Operator:
    """A browser that is signed in, or about to be."""

    def __init__(self, options):
        self.url, self.device, self.seconds = options.url, options.device, options.seconds
        self.words_file = options.words
        self.engine = pathlib.Path(options.axe).read_text(encoding="utf-8") if options.axe else ""
        self.profile = tempfile.mkdtemp(prefix="srup-browser-")
        chrome = webdriver.ChromeOptions()
        chrome.binary_location = BROWSER
        flags = [
            "headless=new", "disable-gpu", "disable-dev-shm-usage", "no-first-run", "disable-background-networking",
            "disable-component-update", "disable-sync", "no-proxy-server", "window-size=1100,900",
            f"user-data-dir={self.profile}",
        ]
        # As root the browser does not start in its sandbox. For anyone else the sandbox stays on.
        if os.geteuid() == 0:
            flags.append("no-sandbox")
        for flag in flags:
            chrome.add_argument(f"--{flag}")
        chrome.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        try:
            self.driver = webdriver.Chrome(service=Service(DRIVER), options=chrome)
        except BaseException:
            shutil.rmtree(self.profile, ignore_errors=True)
            raise
        self.driver.set_page_load_timeout(30)

    def end(self):
        try:
            self.driver.quit()
        finally:
            shutil.rmtree(self.profile, ignore_errors=True)

    def wait(self, what, holds, seconds=None):
        # Between two pages there is neither: what was found is stale.
        waiting = WebDriverWait(
            self.driver, seconds or self.seconds, poll_frequency=0.05,
            ignored_exceptions=[StaleElementReferenceException])
        try:
            return waiting.until(lambda _: holds())
        except WebDriverException:
            raise AssertionError(f"not in time: {what}") from None

    def find(self, selector):
        found = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return found[0] if found else None

    def text(self, selector):
        """Nothing while there is no such element, as between two pages."""
        found = self.find(selector)
        return found.text if found else ""

    def sign_in(self):
        """By the link; the script takes the key and sends it."""
        self.driver.get(self.url)
        self.wait("the console's page", lambda: self.find("#part-joins"), 20)
        self.wait("the live stream", lambda: self.text("#live") == "Live.", 20)
        # Gone where the page is loaded anew.
        self.driver.execute_script("window.isTheSamePage = true")
        print("browser: signed in", file=sys.stderr, flush=True)

    def card(self):
        """The join of the device, where there is one to decide on."""
        return self.find(f'.join[data-device="{self.device}"]:not(.over):has(a.button)')

    def wait_for_join(self):
        self.wait(f"a join of {self.device}", self.card)

    def tab_to(self, is_there, most=80):
        """Presses Tab until something has the focus; says how often, and whether the focus could be seen all along."""
        for count in range(1, most):
            self.driver.switch_to.active_element.send_keys(Keys.TAB)
            active = self.driver.switch_to.active_element
            outline = self.driver.execute_script("return getComputedStyle(arguments[0]).outlineStyle", active)
            assert outline != "none", f"the focus is not seen on '{active.text or active.tag_name}'"
            if is_there(active):
                return count
        raise AssertionError("Tab does not lead there")

    def press(self, decision):
        """By the keyboard alone."""
        def is_button(active):
            return (active.get_attribute("value") == decision and active.tag_name == "button"
                    and self.device in active.text)
        self.tab_to(is_button)
        self.driver.switch_to.active_element.send_keys(Keys.ENTER)
        return self.result()

    def result(self):
        self.wait("what became of it", lambda: self.find("#result"), 20)
        return self.find("#result").text

    def words(self):
        """Those of the device, once it has shown them."""
        def read():
            try:
                with open(self.words_file, encoding="utf-8") as file:
                    words = file.read().split()
            except FileNotFoundError:
                return None
            return words if len(words) == 11 else None
        return self.wait("the words that the device shows", read)

    def open_join(self):
        """Its page, by the keyboard; says what it shows, with "?" for each hidden word."""
        self.tab_to(lambda active: active.tag_name == "a" and "Compare" in active.text
                    and self.device in active.get_attribute("textContent"))
        self.driver.switch_to.active_element.send_keys(Keys.ENTER)
        self.wait("the join's page", lambda: self.find("#decide"), 20)
        return self.value_shown()

    def value_shown(self):
        """What is to be compared, in words."""
        items = self.driver.find_elements(By.CSS_SELECTOR, ".value.words li")
        return " ".join("?" if item.find_elements(By.TAG_NAME, "input") else item.text for item in items)

    def type_words(self):
        """As the device shows them. No accept counts before the page was open for 1.5 s."""
        words = self.words()
        fields = self.driver.find_elements(By.CSS_SELECTOR, ".value.words input")
        assert len(fields) == 3, f"{len(fields)} words are asked for"
        for field in fields:
            field.send_keys(words[int(field.get_attribute("name").removeprefix("word")) - 1])
        time.sleep(1.6)

    def emulate(self, width, height, scheme="light", motion="no-preference"):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": motion}]})

    def foreign_requests(self):
        """What the page asked of anybody but its own origin."""
        own = "{0.scheme}://{0.netloc}".format(urlsplit(self.url))
        asked = []
        for line in self.driver.get_log("performance"):
            message = json.loads(line["message"])["message"]
            # The browser's own first page is none of ours.
            if (message["method"] == "Network.requestWillBeSent"
                    and not message["params"]["documentURL"].startswith("chrome:")):
                asked.append(message["params"]["request"]["url"])
        assert any(one.startswith(own + "/console.js") for one in asked), "no request was seen"
        return [one for one in asked if not one.startswith((own + "/", "data:,"))]

    def accessible(self):
        """What the accessibility engine finds wrong. It is a script of another origin only for the page's own policy: DevTools puts it in."""
        if not self.driver.execute_script("return typeof axe === 'object'"):
            self.driver.execute_script(self.engine)
        self.driver.set_script_timeout(60)
        return self.driver.execute_async_script(AXE)

    def stops(self, most):
        """Whether Tab comes to the end of the page in so many steps; counted, not pressed."""
        count = self.driver.execute_script("""return [...document.querySelectorAll(
            "a[href], button, input:not([type=hidden]), select, summary, [tabindex='0']")].filter(
            (one) => one.checkVisibility()).length""")
        return [] if count <= most else [f"{count} tab stops"]

    def measure(self, name, texts):
        """What is wrong with the page that is open, light and dark, wide and narrow."""
        wrong = []
        for scheme in ("light", "dark"):
            for width in (1280, 360, 320):
                self.emulate(width, 800, scheme)
                time.sleep(0.3)  # colours change softly
                measured, poor = self.driver.execute_script(CONTRAST)
                assert measured > texts, f"{name}: only {measured} texts were measured"
                wrong += [f"{name}, {scheme}, {width}: contrast {one}" for one in poor]
                wrong += [f"{name}, too wide at {width}: {one}" for one in self.driver.execute_script(OVERFLOW)]
                wrong += [f"{name}, at {width}: {one}" for one in self.driver.execute_script(ACCESS)]
                if width != 360:
                    wrong += [f"{name}, {scheme}, {width}: {one}" for one in self.accessible()]
        return wrong + [f"{name}: {one}" for one in self.stops(120)]

    def complaints(self):
        """What the browser itself has to say, policies that were violated included; not that strangers get 403."""
        return [one["message"] for one in self.driver.get_log("browser")
                if one["level"] in ("SEVERE", "WARNING") and "status of 403" not in one["message"]]

    def download(self, address):
        cookie = "; ".join(f"{one['name']}={one['value']}" for one in self.driver.get_cookies())
        with urllib.request.urlopen(urllib.request.Request(address, headers={"Cookie": cookie}), timeout=20) as reply:
            assert reply.headers["Content-Disposition"].startswith("attachment;"), "it is shown, and not stored"
            return xml.etree.ElementTree.fromstring(reply.read())


def press_accept(it, options):
    it.sign_in()
    it.wait_for_join()
    seen = {
        "isTheSamePage": it.driver.execute_script("return window.isTheSamePage === true"),
        "announced": it.driver.execute_script("return document.getElementById('announcer').textContent"),
    }
    seen["value"] = it.open_join()
    if options.refuse:
        it.words()
    else:
        it.type_words()
    it.driver.execute_script("scrollTo(0, 0); document.activeElement.blur()")
    seen["said"] = it.press("refuse" if options.refuse else "accept")
    return seen, []


def double_click(it, options):
    it.sign_in()
    it.wait_for_join()
    it.open_join()
    it.type_words()
    button = it.find("button[value=accept]")
    # The second click goes where the first one went, whatever is there then.
    ActionChains(it.driver, duration=0).move_to_element(button).click().pause(options.gap / 1000).click().perform()
    said = it.result()
    time.sleep(2)
    return {"said": said, "still": it.text("#result")}, []


def watch(it, _):
    it.sign_in()
    it.wait_for_join()
    it.open_join()
    it.wait("the live stream", lambda: it.text("#live") == "Live.", 20)
    it.driver.execute_script("window.isTheSamePage = true")
    print("browser: opened", file=sys.stderr, flush=True)
    said = it.result()
    it.wait("the other joins", lambda: it.text("#waiting"), 20)
    return {
        "said": said, "waiting": it.text("#waiting"),
        "isTheSamePage": it.driver.execute_script("return window.isTheSamePage === true"),
        "buttons": len(it.driver.find_elements(By.CSS_SELECTOR, "[name=decision]")),
    }, []


def look(it, options):
    it.sign_in()
    it.wait_for_join()
    place = "{0.scheme}://{0.netloc}".format(urlsplit(it.url))
    wrong = it.measure("now", 20)
    it.emulate(360, 800, motion="reduce")
    moves = it.driver.execute_script("return getComputedStyle(document.querySelector('button')).transitionDuration")
    if moves != "0s":
        wrong.append(f"it moves for {moves} where nothing should")
    it.driver.execute_script("scrollTo(0, 0); document.activeElement.blur()")
    if it.tab_to(lambda active: "skip" in (active.get_attribute("class") or "")) != 1:
        wrong.append("the first Tab does not lead to the link that skips")
    # The page of a join, in each view, looks as good.
    join_page = it.card().find_element(By.CSS_SELECTOR, "a.button").get_attribute("href")
    for view in ("words", "hexadecimal", "pictograph", "colours"):
        it.driver.get(f"{join_page}?view={view}")
        wrong += it.measure(view, 8)
    for page in ("/nodes", "/map", "/history"):
        it.driver.get(place + page)
        wrong += it.measure(page, 8)
    rows = len(it.driver.find_elements(By.CSS_SELECTOR, ".history li"))
    join = it.download(it.find(".history a[download]").get_attribute("href"))
    # The nodes without a site: the field reaches the server as it is.
    it.driver.get(place + "/nodes")
    it.find("#nosite").click()
    it.find("form.filter button").click()
    it.wait("the nodes without a site", lambda: "nosite=1" in it.driver.current_url and it.find("#nosite"), 20)
    if not it.find("#nosite").is_selected() or not it.driver.find_elements(By.CSS_SELECTOR, "#rows tr"):
        wrong.append("the nodes without a site are not shown")
    # To a node's page and its orders by the keyboard.
    it.driver.get(place + "/nodes")
    it.tab_to(lambda active: it.device in (active.get_attribute("href") or ""))
    it.driver.switch_to.active_element.send_keys(Keys.ENTER)
    it.wait("the node's page", lambda: it.find("#facts-heading"), 20)
    wrong += it.measure("node", 20)
    drawing = it.download(it.find("a[href^='/diagram.svg'][download]").get_attribute("href"))
    it.emulate(360, 800, motion="reduce")
    it.wait("the live stream", lambda: it.text("#live") == "Live.", 20)
    it.driver.execute_script("scrollTo(0, 0); document.activeElement.blur()")
    it.tab_to(lambda active: active.get_attribute("value") == "forget")
    for width in (1280, 360, 320):
        it.emulate(width, 800)
    if it.driver.switch_to.active_element.get_attribute("value") != "forget":
        wrong.append("a change of the window's width takes the focus away")
    it.driver.switch_to.active_element.send_keys(Keys.ENTER)
    it.wait("the question", lambda: "Cancel" in it.text("main"), 60)
    wrong += [f"the question: {one}" for one in it.driver.execute_script(ACCESS) if "told of what is new" not in one]
    wrong += [f"the question: {one}" for one in it.accessible()]
    texts = ["".join(one.itertext()) for one in drawing.iter("{http://www.w3.org/2000/svg}text")]
    wrong += [f"asked elsewhere: {one}" for one in it.foreign_requests()]
    wrong += [f"the browser says: {one}" for one in it.complaints()]
    return {"drawn": texts, "joinDrawn": len(list(join.iter())), "rows": rows}, wrong


def live(it, options):
    """Waits until the lists of the page count what is new, and shows it; then until the banner says that the server is gone."""
    it.sign_in()
    place = "{0.scheme}://{0.netloc}".format(urlsplit(it.url))
    it.driver.get(place + "/history")
    it.wait("the live stream", lambda: it.text("#live") == "Live.", 20)
    before = len(it.driver.find_elements(By.CSS_SELECTOR, ".history li"))
    print("browser: opened", file=sys.stderr, flush=True)
    it.wait("the count of what is new", lambda: "new, show" in it.text(".news"))
    counted, still = it.text(".news"), len(it.driver.find_elements(By.CSS_SELECTOR, ".history li"))
    it.find(".news button").click()
    it.wait("the new entries", lambda: len(it.driver.find_elements(By.CSS_SELECTOR, ".history li")) > before, 20)
    print("browser: shown", file=sys.stderr, flush=True)
    it.wait("the banner", lambda: it.text("#alarm"))
    return {"counted": counted, "before": before, "still": still, "banner": it.text("#alarm")}, []


def shots(it, options):
    it.sign_in()
    place = "{0.scheme}://{0.netloc}".format(urlsplit(it.url))
    pages = {"now": "/", "nodes": "/nodes", "map": "/map", "history": "/history"}
    compare = it.find("a.button.main")
    if compare:
        pages["join"] = urlsplit(compare.get_attribute("href")).path
    it.driver.get(place + "/nodes")
    first = it.find("#rows a.node")
    if first:
        pages["node"] = urlsplit(first.get_attribute("href")).path
    times = {}
    for name, path in pages.items():
        for width, scheme in ((1280, "light"), (360, "light"), (1280, "dark")):
            it.emulate(width, 900, scheme)
            start = time.monotonic()
            it.driver.get(place + path)
            times[name] = round(time.monotonic() - start, 3)
            time.sleep(0.5)
            height = min(3000, it.driver.execute_script("return document.documentElement.scrollHeight"))
            it.emulate(width, height, scheme)
            time.sleep(0.3)
            it.driver.save_screenshot(f"{options.screenshot}-{name}-{width}-{scheme}.png")
    return times, []


def without_script(it, options):
    it.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    place, _, key = it.url.partition("#key=")
    it.driver.get(place)
    field = it.find("#key")
    assert it.driver.switch_to.active_element == field, "the field does not have the focus"
    field.send_keys(key, Keys.ENTER)
    it.wait("the console's page", lambda: it.find("#part-joins"), 20)

    def reloaded():
        it.driver.refresh()
        return it.card()
    it.wait(f"a join of {it.device}", reloaded)
    it.card().find_element(By.CSS_SELECTOR, "a.button").send_keys(Keys.ENTER)
    it.wait("the join's page", lambda: it.find("#decide"), 20)
    value = it.value_shown()
    it.type_words()
    # Enter in a field is Accept.
    it.find(".value.words input").send_keys(Keys.ENTER)
    return {"value": value, "said": it.result(), "live": it.find("#live").text}, []


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("deed", choices=["press-accept", "double-click", "watch", "look", "live", "shots", "without-script", "start"])
    parser.add_argument("--url", default="")
    parser.add_argument("--device", default="")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--refuse", action="store_true")
    parser.add_argument("--words", default="")
    parser.add_argument("--gap", type=float, default=200)
    parser.add_argument("--screenshot")
    parser.add_argument("--axe", default="")
    options = parser.parse_args()
    options.device = options.device.rjust(16, "0").lower()
    for file in (BROWSER, DRIVER):
        if not os.access(file, os.X_OK):
            print(f"browser: {file} is missing\nhint: run Scripts/setup", file=sys.stderr)
            return 3
    # Whatever hangs, it ends; however it ends, the browser and its profile go.
    for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    signal.alarm(int(options.seconds) + 90)
    try:
        it = Operator(options)
    except WebDriverException as fault:
        print(f"browser: {(fault.msg or 'it does not start').split('. ')[0].splitlines()[0]}", file=sys.stderr)
        return 3
    if options.deed == "start":
        it.end()
        return 0
    try:
        deeds = {"press-accept": press_accept, "double-click": double_click, "watch": watch, "look": look,
                 "live": live, "shots": shots,
                 "without-script": without_script}
        deed = deeds[options.deed]
        seen, wrong = deed(it, options)
        if options.screenshot and options.deed != "shots":
            it.driver.save_screenshot(options.screenshot + ".png")
    except (AssertionError, WebDriverException) as fault:
        seen, wrong = {}, [str(fault)]
    finally:
        it.end()
    print(json.dumps(seen, ensure_ascii=False))
    for one in wrong:
        print(f"browser: {one}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
