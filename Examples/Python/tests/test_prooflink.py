import unittest
from random import Random

from srup_device import messages, prooflink
from srup_device.prooflink import DeviceLink, LinkError, Parties

from . import vectors

FILE = vectors.load("proof-link.json")


def link_of(one, value=True):
    """The device of one of the links in the file."""
    key = vectors.private_key(one.get("signing_key", "dev_2048"))
    parties = Parties(
        int(one["device"], 16),
        int(one.get("server", "c2"), 16),
        int(one["beacon"], 16),
        one["transport"],
        (one["mode"],),
    )
    return DeviceLink(
        parties,
        sign=lambda data: messages.sign(key, data),
        value=bytes.fromhex(one["value_hex"]) if value else None,
        nonce=bytes.fromhex(one["device_nonce_hex"]),
    )


def replay(one, frames, split=None):
    """Gives a device the beacon's frames; (device, what it sent). `split`: the size of the pieces that they come in."""
    link, sent, late = link_of(one, value=not one.get("value_comes_late")), [], one.get("value_comes_late")
    for frame in frames:
        if frame["from"] == "beacon":
            data = bytes.fromhex(frame["frame_hex"])
            for at in range(0, len(data), split or len(data)):
                sent += link.receive(data[at : at + (split or len(data))])
        elif late and frame["name"] == "CLAIM" and sent:
            sent += link.take_value(bytes.fromhex(one["value_hex"]))
            late = False
    return link, sent


def by_device(one):
    return [frame["frame_hex"] for frame in one["frames"] if frame["from"] == "device"]


class WholeLinks(unittest.TestCase):
    def check(self, one, link, sent):
        # A device sends all of its signature, also where the beacon of the vector has ended the link after PROOF.
        wanted = by_device(one)
        self.assertEqual([frame.hex() for frame in sent][: len(wanted)], wanted)
        self.assertIsNone(link.left)
        self.assertEqual(link.outcome, one["outcome"])
        self.assertEqual(link.proved, one["beacon_proved"])

    def test_each_link_of_the_vectors_is_as_the_specification_has_it(self):
        for one in FILE["links"]:
            with self.subTest(one["name"]):
                # The claim that fits nothing comes from another value, and is in the file as it is.
                self.check(one, *replay(one, one["frames"]))

    def test_a_stream_may_come_in_any_pieces(self):
        for one in FILE["links"]:
            if one["transport"] in ("local", "rfcomm"):
                for size in (1, 2, 3, 35):
                    with self.subTest(one["name"], size=size):
                        self.check(one, *replay(one, one["frames"], size))

    def test_a_stream_may_come_in_one_piece(self):
        one = next(one for one in FILE["links"] if one["name"] == "challenge over local")
        frames = [bytes.fromhex(frame["frame_hex"]) for frame in one["frames"] if frame["from"] == "beacon"]
        link = link_of(one)
        sent = list(link.receive(b"".join(frames)))
        self.check(one, link, sent)
        self.assertEqual(len(sent[0]) + len(sent[1]), 79)  # a buffer for one frame is not enough for an answer

    def test_the_value_may_come_after_the_challenge(self):
        one = next(one for one in FILE["links"] if one["name"] == "challenge over rfcomm")
        hello, challenge, outcome = [f["frame_hex"] for f in one["frames"] if f["from"] == "beacon"]
        link = link_of(one, value=False)
        sent = list(link.receive(bytes.fromhex(hello))) + list(link.receive(bytes.fromhex(challenge)))
        self.assertEqual(len(sent), 1)
        sent += link.take_value(bytes.fromhex(one["value_hex"]))
        sent += link.receive(bytes.fromhex(outcome))
        self.check(one, link, sent)

    def test_an_outcome_that_does_not_show_the_value_says_nothing(self):
        for bad in FILE["bad_outcomes"]:
            one = next(one for one in FILE["links"] if one["name"] == bad["link"])
            with self.subTest(bad["name"]):
                link, _ = replay(one, one["frames"][:-1])
                list(link.receive(bytes.fromhex(bad["frame_hex"])))
                self.assertFalse(link.proved)
                self.assertEqual(link.left is not None, bad["device"] == "leaves")


class Frames(unittest.TestCase):
    def test_each_frame_is_taken_from_a_stream(self):
        for one in FILE["frames"]:
            received = bytearray.fromhex(one["frame_hex"])
            kind, payload = prooflink.take_frame(received)
            self.assertEqual((kind, bytes(received)), (one["type"], b""))
            self.assertEqual(prooflink.frame(kind, payload).hex(), one["frame_hex"])

    def test_each_bad_frame_is_refused(self):
        for one in FILE["bad_frames"]:
            data = bytes.fromhex(one["bytes_hex"])
            with self.subTest(one["name"]):
                if one["stream"] == "rejected":
                    self.assertRaises(LinkError, prooflink.take_frame, bytearray(data))
                link = DeviceLink(Parties(1, 2, 3, "l2cap"), sign=None)
                self.assertEqual(list(link.receive(data)), [])
                self.assertIsNotNone(link.left)

    def test_a_stream_waits_for_the_rest(self):
        for one in FILE["bad_frames"]:
            if one["stream"] == "waits":
                self.assertIsNone(prooflink.take_frame(bytearray.fromhex(one["bytes_hex"])))

    def test_a_signature_is_cut_to_what_the_link_can_send(self):
        for largest in (67, 132):
            link = DeviceLink(Parties(1, 2, 3, "le"), sign=None, largest=largest)
            frames = prooflink.sign_frames(bytes(256), link.piece)
            self.assertEqual(max(map(len, frames)), largest)
            self.assertEqual([frame[3] for frame in frames], [0] * (len(frames) - 1) + [1])
            self.assertEqual(sum(len(frame) - 4 for frame in frames), 256)


class RandomBytes(unittest.TestCase):
    def test_whatever_a_beacon_sends_it_never_gets_a_proof_without_its_order(self):
        random = Random(1)
        for _ in range(3_000):
            transport = random.choice(list(prooflink.TRANSPORTS))
            link = DeviceLink(Parties(1, 2, 3, transport), sign=lambda data: bytes(256), value=bytes(16))
            sent = []
            while not link.is_over and len(sent) < 10:
                kind = random.choice(prooflink.FROM_BEACON)
                payload = random.randbytes(random.choice(prooflink.LENGTHS[kind]))
                if kind == prooflink.HELLO and random.random() < 0.9:
                    payload = bytes([1, random.choice((2, 4, 6, 7)), 0, 0, 0, 0, 0, 0, 0, 3]) + payload[10:]
                sent += link.receive(prooflink.frame(kind, payload))
            self.assertIn([frame[0] for frame in sent], ([], [2], [8], [2, 5], [8, 5, 9, 9]))
            self.assertFalse(link.proved)


class Refusals(unittest.TestCase):
    def setUp(self):
        self.one = next(one for one in FILE["links"] if one["name"] == "challenge over local")
        self.frames = [bytes.fromhex(f["frame_hex"]) for f in self.one["frames"] if f["from"] == "beacon"]

    def leaves(self, *received, modes=("challenge",)):
        link = link_of(self.one)
        link.parties = Parties(link.parties.device, 2, link.parties.beacon, "local", modes)
        sent = [frame for data in received for frame in link.receive(data)]
        self.assertIsNotNone(link.left)
        return sent

    def hello(self, at, byte):
        hello = bytearray(self.frames[0])
        hello[at] = byte
        return bytes(hello)

    def test_a_device_leaves_another_version_another_beacon_and_a_mode_that_it_does_not_have(self):
        self.assertEqual(self.leaves(self.hello(3, 2)), [])
        self.assertEqual(self.leaves(self.hello(12, 0xEE)), [])
        self.assertEqual(self.leaves(self.hello(4, 0x01)), [])  # value mode alone: no device falls back to it
        self.assertEqual(self.leaves(self.hello(4, 0x01), modes=("keyed", "challenge")), [])

    def test_a_device_leaves_a_beacon_that_sends_frames_out_of_order(self):
        hello, challenge, _ = self.frames
        self.leaves(challenge)
        self.leaves(hello, hello)
        self.leaves(hello, challenge, challenge)
        self.leaves(hello, bytes.fromhex("02000902d100000000000001"))

    def test_a_packet_is_one_frame(self):
        link = link_of(dict(self.one, transport="l2cap"))
        self.assertEqual(list(link.receive(self.frames[0] + self.frames[1])), [])
        self.assertEqual(link.left.reason, "malformed")

    def test_valid_before_the_proof_is_an_impostors(self):
        self.leaves(self.frames[0], self.frames[2])
        self.leaves(self.frames[2])

    def test_unknown_modes_are_ignored(self):
        link = link_of(self.one)
        self.assertEqual(len(list(link.receive(self.hello(4, 0xFA)))), 1)

    def test_a_beacon_that_hides_its_identity_offers_keyed_mode_alone(self):
        hidden = bytearray(self.frames[0])
        hidden[5:13] = bytes(8)
        for modes, leaves in ((0x04, False), (0x06, True), (0x05, True)):
            hidden[4] = modes
            link = link_of(self.one)
            link.parties = Parties(1, 2, 3, "local")
            list(link.receive(bytes(hidden)))
            self.assertEqual(link.left is not None, leaves)

    def test_value_mode_stands_alone(self):
        self.assertRaises(ValueError, Parties, 1, 2, 3, "local", ("challenge", "value"))
