"""Beacons that a device must leave, one for each link it opens, and an honest one at last: for a device in challenge mode."""

import os
import socket
import threading
import time

from bench_site import BEACON
from link_bytes import challenge_frame, hello, mac, outcome, wait

VALUE = bytes(range(16))
# What the example says of each link, in their order.
SAYS = [
    "left the link: valid without the tag of the value",
    "outcome 6e, which shows nothing",
    "left the link: malformed frame",
    "left the link: WAIT comes more than once a second",
    "left the link: nothing has come in time",
    "outcome 60, with the value's tag",
]


class FalseBeacons:
    """Listens on a Unix socket for one device. `faults` has what went wrong here."""

    def __init__(self, path, device):
        self.faults, self.device = [], bytes.fromhex(device)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(4)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        for kind in [self.rogue, self.denier, self.babbler, self.holder, self.silent, self.honest]:
            link, _ = self.listener.accept()
            link.settimeout(20)
            try:
                with link:
                    kind(link)
            except OSError as error:
                self.faults.append(f"{kind.__name__}: {error}")

    def greet(self, link):
        """HELLO, and READY of the device."""
        self.nonce, self.challenge = os.urandom(16), os.urandom(32)
        link.sendall(hello(2, bytes.fromhex(BEACON), self.nonce))
        self.take(link, 12)

    def take(self, link, count):
        data = b""
        while len(data) < count:
            piece = link.recv(count - len(data))
            if not piece:
                raise OSError(f"the device has closed after {len(data)} of {count} bytes")
            data += piece
        return data

    def until_closed(self, link):
        while link.recv(100):
            pass

    def proof(self, link):
        """The device's nonce in its answer to a CHALLENGE."""
        link.sendall(challenge_frame(self.challenge))
        return self.take(link, 67)[3:35]

    # The kinds.

    def rogue(self, link):
        """Relays a name, and says valid."""
        self.greet(link)
        self.proof(link)
        link.sendall(outcome("valid"))

    def denier(self, link):
        self.greet(link)
        self.proof(link)
        link.sendall(outcome("invalid"))

    def babbler(self, link):
        link.sendall(b"\xff" * 2000)

    def holder(self, link):
        """Would hold the device for long. Two WAITs may come together (L51), and not three."""
        self.greet(link)
        for pause in [0, 0.3, 0.3]:
            time.sleep(pause)
            link.sendall(wait(120))
        self.until_closed(link)

    def silent(self, link):
        self.until_closed(link)

    def honest(self, link):
        """Holds the value; its bytes come one by one."""
        self.greet(link)
        nonce = self.proof(link)
        context = self.nonce + self.challenge + nonce + bytes.fromhex(BEACON) + self.device
        for byte in outcome("valid", mac(VALUE, b"SRUP proof link v1 beacon" + context + b"\x60")):
            link.sendall(bytes([byte]))
