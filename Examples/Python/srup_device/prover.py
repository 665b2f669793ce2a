"""Visits beacons and proves the value to them, until told to stop (docs/proof-link.md, "What a device makes of it")."""

import math
import os
import select
import socket
import threading
import time
from dataclasses import dataclass

from . import prooflink, transport
from .keys import Fault

CONNECT, HELLO, ANSWER, HOLD, HOLD_OF_SEVERAL, OUTCOME = 20.0, 5.0, 5.0, 30.0, 5.0, 15.0  # seconds
SEND = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
FIRST_RETRY, LONGEST_RETRY = 0.05, 0.5  # of a refused connection
WAITS_AT_ONCE = 2  # WAITs that may come together; after that one a second


@dataclass
class Place:
    """A beacon, and where it is."""

    beacon: int
    address: transport.Address
    due: float = 0.0
    ended: int = 0
    refused: int = 0


class Prover(threading.Thread):
    """Opens one link at a time, on a thread of its own. `places` are the beacons to visit in turn.

    Nothing that a link says ends the join: only the server's RESPONSE does. So it goes on until `stop`.
    """

    def __init__(self, device, server, places, modes, sign, adapter=transport.ANY, say=print):
        super().__init__(daemon=True)
        self.places = places
        self.is_proving = False
        self.fault = None  # a Fault of this side, which ends the thread
        self._parties = lambda place: prooflink.Parties(
            device, server, place.beacon, place.address.transport, tuple(modes)
        )
        self._sign, self._adapter, self._say = sign, adapter, say
        self._value, self._is_stopped, self._reasons = None, False, set()
        self._wakes, self._woken = socket.socketpair()

    def give(self, value):
        """The value has come from the server, 16 bytes; it replaces an earlier one."""
        self._value = value
        self._wakes.send(b"v")

    def stop(self):
        """Ends the visits; returns when the link is closed. A connection that is still being made is closed unused once it is there."""
        self._is_stopped = True
        self._wakes.send(b"s")
        self.join(SEND + 1)
        if not self.is_alive():
            self._wakes.close()
            self._woken.close()

    def run(self):
        while not self._is_stopped:
            place = min(self.places, key=lambda place: place.due)
            left = place.due - time.monotonic()
            if left > 0:
                self._sleep(left)
                continue
            try:
                self._visit(place)
            except Fault as fault:
                self.fault = fault
                return

    def _sleep(self, seconds):
        """For so long, or until the value comes or the end."""
        if select.select([self._woken], [], [], seconds)[0]:
            self._woken.recv(64)

    def _visit(self, place):
        try:
            made = transport.connect(place.address, self._adapter, CONNECT)
        except OSError as error:
            return self._note_refused(place, error)
        if self._is_stopped:
            return made.close()
        parties = self._parties(place)
        sizes = transport.packet_sizes(made, place.address.transport)
        short = _short(sizes, parties.modes)
        if short:
            made.close()
            self._report(f"no link to {place.address}: {short}")
            return self._try_again(place)
        self._say(f"linked to the beacon at {place.address}")
        largest = min(prooflink.LONGEST_SENT, max(sizes[0], prooflink.LEAST_SENT)) if sizes else prooflink.LONGEST_SENT
        link = prooflink.DeviceLink(parties, self._sign, self._value, largest=largest)
        try:
            with made:
                how = _Visit(made, link, HOLD if len(self.places) == 1 else HOLD_OF_SEVERAL).run(self)
        finally:
            self.is_proving = False
        self._say(how)
        if link.outcome == "valid" and link.proved:
            # The server may ask its beacon again, so the device comes again.
            place.due, place.ended = time.monotonic() + LONGEST_PAUSE, 0
        else:
            self._try_again(place)

    def _note_refused(self, place, error):
        """No connection. Each reason is said once (L49). Over Bluetooth none ends the attempts: anyone may have caused it (L48)."""
        why = f"cannot connect to {place.address}: {error.strerror or error}"
        self._report(why)
        is_local = place.address.kind == "local"
        if is_local and error.errno not in transport.MAY_PASS and not isinstance(error, TimeoutError):
            place.due = math.inf
            if all(place.due == math.inf for place in self.places):
                raise Fault(why, "check the address") from None
        elif error.errno in transport.NEEDS_PEOPLE:
            self._try_again(place)
        else:
            place.due = time.monotonic() + min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(place.refused, 4))
            place.refused += 1

    def _report(self, why):
        if why not in self._reasons:
            self._reasons.add(why)
            self._say(why)

    def _try_again(self, place):
        place.due = time.monotonic() + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(place.ended, 5))
        place.ended += 1


def _short(sizes, modes):
    """What makes a link impossible, of the longest packets (sent, received); None: nothing (L3 to L6)."""
    if sizes and sizes[1] < prooflink.LONGEST_RECEIVED:
        return f"this device accepts packets of {sizes[1]} bytes only, and the proof link needs {prooflink.LONGEST_RECEIVED}"
    if sizes and sizes[0] < prooflink.LEAST_SENT and tuple(modes) != ("value",):
        return f"the beacon accepts packets of {sizes[0]} bytes only, and the proof link needs {prooflink.LEAST_SENT}"
    return None


class _Visit:
    """One link: the socket, the session, and the time limits."""

    def __init__(self, made, link, hold):
        self.made, self.link, self.hold = made, link, hold
        self.limit = time.monotonic() + HELLO
        self.ready_at = self.waits_until = 0.0

    def run(self, prover):
        """Until the link is over; in one line, how it ended."""
        self.made.settimeout(SEND)
        while True:
            if prover._is_stopped:
                return "closed the link: the server has answered"
            left = self.limit - time.monotonic()
            if left <= 0:
                return "left the link: the beacon has said nothing for too long"
            readable, _, _ = select.select([self.made, prover._woken], [], [], left)
            try:
                if prover._woken in readable:
                    os.read(prover._woken.fileno(), 64)
                    if prover._value and prover._value != self.link.value:
                        self._send(self.link.take_value(prover._value))
                if self.made in readable:
                    data = transport.read(self.made)
                    if not data:
                        return "the beacon has closed the link"
                    self._send(self.link.receive(data))
                    self._watch_time(time.monotonic())
            except OSError as error:
                return f"the link has failed: {error.strerror or error}"
            prover.is_proving = self.link.state == "proving" and not self.link.is_over
            if self.link.left is not None:
                return f"left the link: {self.link.left}"
            if self.link.outcome is not None:
                proved = ", and has shown that it holds the value" if self.link.proved else ""
                return f"the beacon says: {self.link.outcome}{proved}"

    def _send(self, frames):
        for frame in frames:
            self.made.sendall(frame)

    def _watch_time(self, now):
        """Until when the next frame must come, after those that have just come. WAIT cannot put it off without end."""
        for kind, _ in self.link.received:
            if kind == prooflink.HELLO:
                self.ready_at, self.limit = now, now + ANSWER
            elif kind == prooflink.CHALLENGE:
                self.limit = now + OUTCOME
            elif kind == prooflink.WAIT:
                self.limit = self.ready_at + self.hold
                self.waits_until = max(self.waits_until, now) + 1
                if self.waits_until - now > WAITS_AT_ONCE:
                    self.link.left = self.link.left or prooflink.LinkError("WAIT comes more than once a second")
