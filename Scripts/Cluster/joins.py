"""An observed join of a device, step by step: at each step, the caller can break something. The messages and the link's frames are those of
the reference device in Examples/Python."""

import functools
import queue
import select
import socket
import threading
import time

from brokers import FIRST_BEACON, SERVER
from cryptography.hazmat.primitives import serialization
from srup_device import messages as srup
from srup_device import prooflink, transport
from srup_device.broker import Broker
from srup_device.keys import Fault as Unconnected
from srup_device.messages import Frame, Message, Refused
from srup_device.sealed import open_value

#: The places in a join at which something breaks.
STEPS = ("before the request", "after the request", "before the proof", "after the proof", "after the verdict", "at the server's answer")
CONNECTS = 45.0  # seconds in which the device connects
ASK_AGAIN = 15.0  # seconds without an answer of the server


@functools.cache
def private_key(pem):
    """The key in a file; devices share a few."""
    return serialization.load_pem_private_key(pem, None)


class Join(threading.Thread):
    """The join of a device, through a broker and a beacon; `at(step)` is called at each step, once. It ends when the device has the server's
    answer, or after `limit` seconds. `connect()` gives another connection than one of the device's own, as a context."""

    def __init__(self, site, device, broker, beacon=FIRST_BEACON, at=lambda step: None, limit=90, connect=None):
        super().__init__(daemon=True)
        self.site, self.device, self.beacon, self.limit = site, device, beacon, limit
        self._broker, self._at, self._passed, self._connect = broker, at, set(), connect or self._own
        self._key = private_key((site.keys / f"{device}.key.pem").read_bytes())
        self._value, self._value_token, self._is_over = None, None, threading.Event()
        #: What the beacon has said last, and when it said "valid"; None: it has not.
        self.outcome = self.outcome_at = None
        #: The server's status for the device (0x50: joined), and when it came.
        self.status = self.status_at = None
        #: What went wrong here; None: nothing.
        self.fault = None
        self.asked_at = None

    def step(self, name):
        """A step is reached: the first time, the caller is told."""
        if name not in self._passed:
            self._passed.add(name)
            self._at(name)

    def _own(self):
        network, port = self.site.network, self.site.brokers.ports[self._broker]
        files = network / "ca.pem", network / f"{self.device}.cert.pem", network / f"{self.device}.tls.key"
        return Broker(int(self.device, 16), "localhost", port, *files, timeout=5, say=lambda text: None)

    def run(self):
        ends = time.monotonic() + CONNECTS
        try:
            while True:
                try:
                    with self._connect() as broker:
                        return self._join(broker)
                except Unconnected:
                    # A cluster that has just lost a node may refuse subscriptions for seconds. A device's operator would start it again.
                    if self.asked_at is not None or time.monotonic() > ends:
                        raise
                    time.sleep(1)
        except Exception as fault:  # whatever it is, the trial reports it
            self.fault = f"{type(fault).__name__}: {fault}"
        finally:
            self._is_over.set()

    def _join(self, broker):
        ends, again, token, link = time.monotonic() + self.limit, 0.0, srup.new_token(), None
        while (now := time.monotonic()) < ends and self.status is None:
            if self._value is None and now >= again:
                again = now + ASK_AGAIN
                self._ask(broker, token)
            message = self._next(broker)
            if message is None:
                continue
            if message.kind == srup.OBS_JOIN_RESP:
                self._value, self._value_token = open_value(message.fields["sealed"], self._key), message.token
                if link is None:
                    link = threading.Thread(target=self._prove, daemon=True)
                    link.start()
            elif message.kind == srup.RESPONSE and message.token in (token, self._value_token):
                self.status, self.status_at = message.fields["status"], time.monotonic()
        # The answer may be faster than the beacon's OUTCOME.
        if link is not None:
            link.join(2)

    def _ask(self, broker, token):
        """Repetitions have the token of the first request (D35)."""
        message = Message(
            srup.OBS_JOIN_REQ, time.time_ns() // 1_000, int(self.device, 16), token, {"observer": int(self.beacon, 16)}
        )
        frame = message.signed(self._key)
        self.step("before the request")
        self.asked_at = self.asked_at or time.monotonic()
        broker.publish(f"SRUP/servers/{SERVER}/{self.device}", frame)
        self.step("after the request")

    def _next(self, broker):
        try:
            frame = Frame(broker.messages.get(timeout=0.5))
            return frame.verified(self.site.server_key) if frame.claimed_sender == int(SERVER, 16) else None
        except (queue.Empty, Refused):
            return None

    # --- The link -----------------------------------------------------------------------------------------------------

    def _prove(self):
        """One link after the other, until the beacon says "valid"."""
        pause = 0.1
        while not self._is_over.is_set():
            try:
                if self._visit():
                    return
            except OSError as error:
                self.outcome = self.outcome or f"no link: {error.strerror or error}"
            self._is_over.wait(pause)
            pause = min(2.0, pause * 2)

    def _visit(self):
        parties = prooflink.Parties(int(self.device, 16), int(SERVER, 16), int(self.beacon, 16), "local")
        link = prooflink.DeviceLink(parties, lambda data: srup.sign(self._key, data), self._value)
        with socket.socket(socket.AF_UNIX) as made:
            made.settimeout(5)
            made.connect(str(self.site.link(self.beacon)))
            while not link.is_over and not self._is_over.is_set():
                if not select.select([made], [], [], 0.5)[0]:
                    continue
                data = transport.read(made)
                if not data:
                    return False
                for frame in link.receive(data):
                    if frame[0] == prooflink.PROOF:
                        self.step("before the proof")
                    made.sendall(frame)
                if link.state == "proving" and not link.is_over:
                    self.step("after the proof")
        self.outcome = link.outcome or f"left: {link.left}"
        if link.outcome == "valid":
            self.outcome_at = time.monotonic()
            self.step("after the verdict")
        return link.outcome == "valid"


class Watch(threading.Thread):
    """Waits for the server's decision about a device, from the end of its log on. `at(step)`: see Join."""

    def __init__(self, site, device, at, limit=90):
        super().__init__(daemon=True)
        self._site, self._device, self._at, self._limit = site, device, at, limit
        self._since = site.server.length
        #: The first decision (accepted, refused, failed), and when it was seen; None: there was none in time.
        self.decision = self.decided_at = None

    def run(self):
        end = time.monotonic() + self._limit
        while time.monotonic() < end and self.decision is None:
            found = self._site.decisions(self._device, self._since)
            if found:
                self.decision, self.decided_at = found[0], time.monotonic()
                self._at("at the server's answer")
            else:
                time.sleep(0.005)

    def all(self):
        """All decisions about the device since."""
        return self._site.decisions(self._device, self._since)
