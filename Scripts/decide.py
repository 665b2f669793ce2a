#!/usr/bin/python3
"""An operator at the console of `srup-bench c2 --web` without a browser: sends what a browser's form would send.

Usage: decide.py --url URL --device ID [--refuse] [--words FILE] [--seconds N]

URL is the one with the key behind the #, as the C2 server prints it. Signs in, waits until the device asks to join, opens the
join's page, looks at it for 1.6 s, and accepts it, or refuses it. FILE has the words that the device shows; where it is given,
nothing is decided before it has eleven, as a person has to look at the device first, and those that the page hides are typed.
Prints one line of JSON: the value that was shown, with "?" for each hidden word, and what the console answered.

Exit status: 0 if the console has taken the decision, 1 if not.
"""

import argparse
import html
import http.client
import json
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request


class Console:
    """A session at the console. Cookies are kept; forms come from the console's own origin."""

    def __init__(self, url):
        self.origin = url.split("#")[0].rstrip("/")
        # The console is on this machine: no proxy may see what is sent to it.
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor())

    def request(self, path, form=None):
        data = urllib.parse.urlencode(form).encode() if form else None
        headers = {"Origin": self.origin} if form else {}
        with self.opener.open(urllib.request.Request(self.origin + path, data, headers), timeout=20) as reply:
            return reply.read().decode()


def text(markup):
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", markup)).split())


def element(page, pattern):
    found = re.search(pattern, page, re.DOTALL)
    return found[1] if found else ""


def words_of_device(options):
    """None while the device has not shown them."""
    if not options.words:
        return []
    try:
        with open(options.words, encoding="utf-8") as file:
            words = file.read().split()
    except FileNotFoundError:
        return None
    return words if len(words) == 11 else None


def decide(options):
    console = Console(options.url)
    console.request("/sign-in", {"key": options.url.partition("#key=")[2]})
    print("decide: signed in", file=sys.stderr, flush=True)
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        path = element(console.request("/"), f'data-device="{options.device}"[^>]*>.{{0,900}}?href="(/joins/[^"]*)">Compare')
        words = words_of_device(options)
        if path and words is not None:
            page = console.request(path)
            form = {name: element(page, f'name="{name}" value="([^"]*)"') for name in ("token", "join", "view", "number")}
            form |= {f"word{place}": words[int(place) - 1] for place in re.findall('<input id="word([0-9]+)"', page) if words}
            # The console takes no accept before.
            time.sleep(1.6)
            answer = console.request("/join", form | {"decision": "refuse" if options.refuse else "accept"})
            shown = element(page, '<ol class="value words">(.*?)</ol>')
            return {
                "value": text(re.sub("<label.*?<input[^>]*>", "?", shown, flags=re.DOTALL)),
                "said": text(element(answer, '<[^>]* id="result"[^>]*>(.*?)</p>')),
            }
        time.sleep(0.2)
    raise TimeoutError(f"there is nothing to decide about {options.device} after {options.seconds:g} s")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--refuse", action="store_true")
    parser.add_argument("--words", default="")
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    options.device = options.device.rjust(16, "0").lower()
    try:
        print(json.dumps(decide(options), ensure_ascii=False))
    except (OSError, http.client.HTTPException) as fault:
        print(f"decide: {fault}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
