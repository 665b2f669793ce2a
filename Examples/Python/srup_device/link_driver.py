"""Runs device links of standard input, for comparing implementations. Examples/C99/README.md, "The driver", has the format.

Usage: python3 -m srup_device.link_driver
"""

import hashlib
import sys

from . import messages, prooflink
from .keys import load_private_key

TRANSPORTS = {number: name for name, number in prooflink.TRANSPORTS.items()}
MODES = {1: ("value",), 2: ("challenge",), 4: ("keyed",), 6: ("keyed", "challenge")}
WORDS = ["device", "server", "beacon", "transport", "modes", "nonce", "size", "sign"]


def signer(text, cache={}):
    """How a link signs: `key:FILE`, or `digest:N`, which stands for a signature in fast tests."""
    how, what = text.split(":", 1)
    if how == "digest" and 1 <= int(what) <= 2_048:
        return lambda data: (hashlib.sha256(data).digest() * 64)[: int(what)]
    if how != "key":
        raise ValueError(text)
    if what not in cache:
        cache[what] = load_private_key(what)
    return lambda data: messages.sign(cache[what], data)


def reset(words):
    """A new link."""
    given = dict(word.split("=", 1) for word in words)
    if list(given) != WORDS or len(given["nonce"]) != 64 or not 67 <= int(given["size"]) <= 132:
        raise ValueError(words)
    nodes = [messages.identity_from(given[name]) for name in ("device", "server", "beacon")]
    parties = prooflink.Parties(*nodes, TRANSPORTS[int(given["transport"])], MODES[int(given["modes"])])
    nonce = bytes.fromhex(given["nonce"])
    return prooflink.DeviceLink(parties, signer(given["sign"]), nonce=nonce, largest=int(given["size"]))


def state(link):
    """Where a link stands, in one or more words."""
    if link.left is not None:
        return f"left {link.left.reason}"
    if link.outcome is None:
        return link.state
    status = next(number for number, name in prooflink.OUTCOMES.items() if name == link.outcome)
    return f"ended {status:02x} {'tagged' if link.proved else 'untagged'}"


def main():
    """Answers each command until the input ends."""
    link, waits, seconds = None, 0, 0
    for line in sys.stdin:
        try:
            command, *words = line.split()
            sent = []
            if command == "reset":
                link, waits, seconds = reset(words), 0, 0
            elif link is None or len(words) != 1:
                raise ValueError(line)
            else:
                data = b"" if words[0] == "-" else bytes.fromhex(words[0])
                if command == "feed":
                    sent = list(link.receive(data))
                    for payload in [payload for kind, payload in link.received if kind == prooflink.WAIT]:
                        waits, seconds = waits + 1, int.from_bytes(payload, "big")
                elif command == "value" and len(data) == 16:
                    sent = list(link.take_value(data))
                else:
                    raise ValueError(line)
        except (ValueError, KeyError, OSError):
            print("error", flush=True)
            continue
        for frame in sent:
            print("send", frame.hex())
        print(f"state {state(link)} waits={waits} seconds={seconds}", flush=True)


if __name__ == "__main__":
    main()
