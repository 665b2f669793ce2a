import unittest

from srup_device.messages import Frame
from srup_device.sealed import NotAValue, open_value

from . import vectors


class SealedValues(unittest.TestCase):
    def test_each_value_that_the_reference_has_sealed_opens(self):
        count = 0
        for name, one in vectors.load("envelopes.json").items():
            key, plain = vectors.private_key(one["to"]), bytes.fromhex(one["plaintext_hex"])
            sealed = bytes.fromhex(one["envelope_hex"])
            with self.subTest(name):
                if one["plaintext_len"] == 32 and plain.isalnum():
                    self.assertEqual(open_value(sealed, key).hex(), plain.decode())
                    count += 1
                else:
                    self.assertRaises(NotAValue, open_value, sealed, key)
        self.assertGreater(count, 5)

    def test_each_crafted_one_is_refused(self):
        for one in vectors.load("negative_2048.json"):
            if one["group"] != "envelope":
                continue
            message = Frame(bytes.fromhex(one["payload_hex"])).verified(vectors.public_key(one["verify_key"]))
            key = vectors.private_key(one["decrypt_key"])
            with self.subTest(one["name"]):
                if one["must"] == "accept":
                    self.assertEqual(len(open_value(message.fields["sealed"], key)), 16)
                else:
                    self.assertRaises(NotAValue, open_value, message.fields["sealed"], key)

    def test_every_shorter_one_is_refused(self):
        one = vectors.load("envelopes.json")["idvalue_dev_2048"]
        key, sealed = vectors.private_key("dev_2048"), bytes.fromhex(one["envelope_hex"])
        for length in range(len(sealed)):
            self.assertRaises(NotAValue, open_value, sealed[:length], key)
        self.assertRaises(NotAValue, open_value, sealed + b"\0", key)
