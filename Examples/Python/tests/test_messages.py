import unittest
from random import Random

from srup_device import messages
from srup_device.messages import Frame, Message, Refused

from . import vectors

# What a body's field is called in the vectors.
NAMES = {
    messages.OBS_JOIN_REQ: {"observer": "observer_id"},
    messages.OBSERVE_REQ: {"device": "joining_device_id"},
    messages.JOIN_CMD: {"device": "device_id"},
    messages.ACTION: {"action": "action_id"},
    messages.DATA: {"id": "data_id_hex", "data": "data_hex"},
    messages.RESPONSE: {"status": "status"},
    messages.INITIATE: {"url": "url_hex", "digest": "digest_hex"},
}


def good():
    """Every frame of the reference that has a signature and a token."""
    files = ("messages_2048.json", "messages_3072.json", "edge_2048.json")
    return [one for file in files for one in vectors.load(file) if one["key"] and one["fields"]["token_hex"]]


def number(text):
    return text if isinstance(text, int) else int(text, 16)


class Frames(unittest.TestCase):
    def test_each_frame_of_the_reference_is_read_and_made_again_byte_for_byte(self):
        keys = {}
        for one in good():
            with self.subTest(one["name"]):
                key = keys.setdefault(one["key"], vectors.private_key(one["key"]))
                payload, fields = bytes.fromhex(one["serialized_hex"]), one["fields"]
                message = Frame(payload).verified(key.public_key())
                self.assertEqual(message.kind, one["type"])
                self.assertEqual(message.sequence, int(fields["sequence_id"]))
                self.assertEqual(message.sender, int(fields["sender_id"], 16))
                self.assertEqual(message.token.hex(), fields["token_hex"])
                for name, theirs in NAMES.get(message.kind, {}).items():
                    ours = message.fields[name]
                    if isinstance(ours, bytes):
                        self.assertEqual(ours.hex(), fields[theirs])
                    else:
                        self.assertEqual(ours, number(fields[theirs]))
                self.assertEqual(message.signed(key), payload)

    def test_a_shorter_or_longer_frame_is_refused(self):
        for one in good():
            payload = bytes.fromhex(one["serialized_hex"])
            if len(payload) > 1_000 or one["key"] != "dev_2048":
                continue
            for length in range(len(payload)):
                self.assertRaises(Refused, Frame, payload[:length])
            self.assertRaises(Refused, Frame, payload + b"\0")

    def test_each_hostile_frame_is_refused(self):
        count = 0
        for one in vectors.load("negative_2048.json"):
            if one["group"] == "envelope":
                continue
            with self.subTest(one["name"]), self.assertRaises(Refused):
                Frame(bytes.fromhex(one["payload_hex"])).verified(vectors.public_key(one["verify_key"]))
            count += 1
        self.assertGreater(count, 90)

    def test_a_flipped_bit_is_refused(self):
        one = next(one for one in good() if one["type"] == messages.OBS_JOIN_REQ)
        payload, key = bytes.fromhex(one["serialized_hex"]), vectors.public_key(one["key"])
        for at in range(len(payload)):
            flipped = bytearray(payload)
            flipped[at] ^= 1 << at % 8
            with self.assertRaises(Refused, msg=f"byte {at}"):
                Frame(bytes(flipped)).verified(key)

    def test_another_nodes_key_does_not_verify(self):
        message = Message(messages.JOIN_REQ, 1, 2, b"token")
        payload = message.signed(vectors.private_key("dev_2048"))
        self.assertEqual(Frame(payload).verified(vectors.public_key("dev_2048")), message)
        self.assertRaises(Refused, Frame(payload).verified, vectors.public_key("wrong_2048"))


class RandomBytes(unittest.TestCase):
    def test_random_bytes_behind_a_good_beginning_are_refused_and_nothing_else(self):
        random = Random(1)
        for _ in range(3_000):
            kind = random.choice(list(messages.BODIES))
            data = bytes([messages.VERSION, kind]) + random.randbytes(random.choice((0, 16, 20, 300, 700)))
            if len(data) > 20:
                data = data[:18] + b"\0\x04" + data[20:24] + b"\x01\0" + data[26:]
            try:
                Frame(data).verified(vectors.public_key("dev_2048"))
            except Refused:
                continue
            self.fail(data.hex())


class Identities(unittest.TestCase):
    def test_a_topic_has_lower_case_digits_without_leading_zeros(self):
        self.assertEqual(messages.topic_form(messages.identity_from("00DE")), "de")

    def test_what_is_not_an_identity_is_refused(self):
        for text in ("", "12345678901234567", "0x1", "-1", " 1", "g", "１"):
            self.assertRaises(ValueError, messages.identity_from, text)

    def test_a_token_names_the_server_that_it_is_for(self):
        self.assertTrue(messages.new_token(naming=0xC2).endswith(b"@c2"))
        self.assertNotEqual(messages.new_token(), messages.new_token())
