import contextlib
import errno
import socket
import tempfile
import threading
import time
import unittest
from unittest import mock

from srup_device import prooflink, prover
from srup_device.prooflink import frame, tag
from srup_device.prover import Place, Prover
from srup_device.transport import parse

BEACON, DEVICE, SERVER, VALUE = 0xBEA1, 0xD1, 0xC2, bytes(range(16))
HELLO = frame(prooflink.HELLO, bytes([1, 2]) + BEACON.to_bytes(8, "big") + bytes(16))
CHALLENGE = frame(prooflink.CHALLENGE, bytes(32))


def outcome(status, proof=None):
    """OUTCOME, with its tag where there is a PROOF that it answers."""
    made = bytes(32)
    if proof:
        context = bytes(16) + bytes(32) + proof[3:35] + BEACON.to_bytes(8, "big") + DEVICE.to_bytes(8, "big")
        made = tag(VALUE, b"SRUP proof link v1 beacon", context, bytes([status]))
    return frame(prooflink.OUTCOME, bytes([status]) + made)


class FakeBeacon:
    """Listens on a local socket; each link is one call of the next behaviour, the last one for all further links."""

    def __init__(self, test, *behaviours):
        folder = tempfile.TemporaryDirectory()
        test.addCleanup(folder.cleanup)
        self.path, self.links = f"{folder.name}/link", []
        self.listener = socket.socket(socket.AF_UNIX)
        test.addCleanup(self.listener.close)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.run, args=(list(behaviours),), daemon=True).start()

    def run(self, behaviours):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            self.links.append(time.monotonic())
            link.settimeout(60)
            with link, contextlib.suppress(OSError):  # the device may leave at any time
                (behaviours.pop(0) if len(behaviours) > 1 else behaviours[0])(link)


def honest(link):
    link.sendall(HELLO)
    link.recv(100)
    link.sendall(CHALLENGE)
    link.sendall(outcome(prooflink.VALID, link.recv(100)))


def silent(link):
    link.recv(1)


class Visits(unittest.TestCase):
    def setUp(self):
        patch = mock.patch.multiple(prover, FIRST_PAUSE=0.05, LONGEST_PAUSE=30)
        patch.start()
        self.addCleanup(patch.stop)
        self.said, self.received = [], []

    def prover(self, *behaviours, path=None):
        self.beacon = FakeBeacon(self, *behaviours)
        places = [Place(BEACON, parse(f"local:{path or self.beacon.path}"))]
        made = Prover(DEVICE, SERVER, places, ("challenge",), None, say=self.said.append)
        self.addCleanup(made.stop)
        made.start()
        return made

    def hears(self, text, seconds=60):
        ends = time.monotonic() + seconds
        while not any(text in line for line in self.said):
            self.assertLess(time.monotonic(), ends, f"{text!r} not in {self.said}")
            time.sleep(0.01)

    def test_a_device_proves_a_value_that_it_has_before(self):
        self.prover(honest).give(VALUE)
        self.hears("valid, and has shown that it holds the value")

    def test_a_device_waits_on_the_link_for_its_value(self):
        made = self.prover(honest)
        time.sleep(0.1)
        made.give(VALUE)
        self.hears("valid, and has shown that it holds the value")
        self.assertEqual(len(self.beacon.links), 1)

    def test_a_device_leaves_a_silent_beacon_and_comes_again(self):
        with mock.patch.object(prover, "HELLO", 0.3):
            self.prover(silent, honest).give(VALUE)
            self.hears("said nothing for too long")
        self.hears("valid, and has shown")

    def test_a_device_does_not_believe_an_outcome_without_a_tag(self):
        def closes(link):
            link.sendall(outcome(0x6E))

        def impostor(link):
            link.sendall(HELLO)
            link.recv(100)
            link.sendall(CHALLENGE)
            link.recv(100)
            link.sendall(outcome(prooflink.VALID))

        self.prover(closes, impostor, honest).give(VALUE)
        self.hears("impostor")
        self.hears("valid, and has shown")
        self.assertEqual(len(self.beacon.links), 3)

    def test_wait_does_not_hold_a_device_without_end(self):
        def holds(link):
            link.sendall(HELLO)
            for _ in range(50):
                link.sendall(frame(prooflink.WAIT, b"\0\x78"))
                time.sleep(0.1)

        with mock.patch.multiple(prover, WAITS_AT_ONCE=100, HOLD=0.6):
            self.prover(holds)
            self.hears("the beacon has")  # closed the link, or said nothing
        self.assertIn("said nothing for too long", self.said[1])

    def test_a_device_leaves_a_beacon_that_says_wait_too_often(self):
        def nags(link):
            link.sendall(HELLO + frame(prooflink.WAIT, b"\0\x78") * 3)
            link.recv(100)
            link.recv(100)

        self.prover(nags)
        self.hears("WAIT comes more than once a second")

    def test_a_device_tries_again_at_growing_intervals(self):
        self.prover(lambda link: None)
        ends = time.monotonic() + 60
        while len(self.beacon.links) < 5 and time.monotonic() < ends:
            time.sleep(0.01)
        pauses = [later - earlier for earlier, later in zip(self.beacon.links, self.beacon.links[1:])]
        for number, pause in enumerate(pauses[:4]):
            self.assertGreaterEqual(pause, 0.05 * 2**number - 0.01)

    def test_a_refusal_over_bluetooth_does_not_end_the_attempts_and_is_said_once(self):
        tries = []

        def refuse(*_):
            tries.append(time.monotonic())
            raise OSError(errno.EACCES, "Permission denied")

        with mock.patch.object(prover.transport, "connect", refuse):
            made = Prover(DEVICE, SERVER, [Place(BEACON, parse("le:00:00:00:00:00:01"))], ("keyed",), None, say=self.said.append)
            made.start()
            ends = time.monotonic() + 60
            while len(tries) < 3 and time.monotonic() < ends:
                time.sleep(0.01)
            made.stop()
        self.assertIsNone(made.fault)
        self.assertEqual(len(self.said), 1)
        self.assertGreaterEqual(tries[2] - tries[1], 0.1)

    def test_packets_that_are_too_short_end_a_link_without_a_frame(self):
        with mock.patch.object(prover.transport, "packet_sizes", return_value=(48, 672)):
            self.prover(lambda link: self.received.append(link.recv(100)))
            self.hears("the beacon accepts packets of 48 bytes only, and the proof link needs 67")
            ends = time.monotonic() + 60
            while not self.received and time.monotonic() < ends:
                time.sleep(0.01)
        self.assertEqual(self.received[0], b"")

    def test_pieces_of_the_signature_fit_into_the_beacons_packets(self):
        with mock.patch.object(prover.transport, "packet_sizes", return_value=(80, 672)), mock.patch.object(
            prover.prooflink, "DeviceLink", wraps=prooflink.DeviceLink
        ) as links:
            self.prover(honest).give(VALUE)
            self.hears("valid, and has shown that it holds the value")
        self.assertEqual(links.call_args.kwargs["largest"], 80)

    def test_the_least_packets_that_are_long_enough(self):
        self.assertIsNone(prover._short((67, 36), ("keyed", "challenge")))
        self.assertIn("this device accepts packets of 35", prover._short((67, 35), ("keyed", "challenge")))
        self.assertIn("the beacon accepts packets of 66", prover._short((66, 36), ("challenge",)))
        self.assertIsNone(prover._short((23, 36), ("value",)))
        self.assertIsNone(prover._short(None, ("keyed",)))

    def test_a_place_where_nothing_can_be_is_a_fault(self):
        made = self.prover(honest, path="/dev/null/link")
        made.join(60)
        self.assertIn("cannot connect", str(made.fault))

    def test_a_device_visits_each_beacon_of_a_site(self):
        other = FakeBeacon(self, lambda link: None)
        made = self.prover(lambda link: None)
        made.places.append(Place(BEACON + 1, parse(f"local:{other.path}")))
        ends = time.monotonic() + 60
        while not (self.beacon.links and other.links) and time.monotonic() < ends:
            time.sleep(0.01)
        self.assertTrue(self.beacon.links and other.links)
