#!/usr/bin/python3
"""An operator at the console of `srup-bench c2 --web` without a browser: sends what a browser's form would send.

Usage: decide.py --url URL --device ID [--refuse] [--once FILE] [--seconds N]

URL is the one with the key behind the #, as the C2 server prints it. Signs in, waits until the device asks to join, and
accepts it, or refuses it; with --once it does so when FILE is there, as a person has to look at the device first. Prints one line of
JSON: the value that was shown, and what the console answered.

Exit status: 0 if the console has taken the decision, 1 if not.
"""

import argparse
import html
import http.client
import json
import os
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


def decide(options):
    console = Console(options.url)
    console.request("/sign-in", {"key": options.url.partition("#key=")[2]})
    print("decide: signed in", file=sys.stderr, flush=True)
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        page = console.request("/")
        card = element(page, f'(<li id="join-[^"]*" class="join" data-device="{options.device}".*?</li>)')
        if 'name="decision"' in card and (not options.once or os.path.exists(options.once)):
            form = {name: element(card, f'name="{name}" value="([^"]*)"') for name in ("token", "join")}
            answer = console.request("/join", form | {"decision": "refuse" if options.refuse else "accept"})
            return {
                "value": text(element(card, '<p class="value text">(.*?)</p>')),
                "said": text(element(answer, '<[^>]* id="said"[^>]*>(.*?)</')),
            }
        time.sleep(0.2)
    raise TimeoutError(f"there is nothing to decide about {options.device} after {options.seconds:g} s")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--refuse", action="store_true")
    parser.add_argument("--once", default="")
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
