import datetime
import unittest

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from srup_device import registry
from srup_device.keys import Fault

from . import vectors


def certificate(subject, issuer, key, signer):
    """A certificate of the test keys."""
    name = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])  # noqa: E731
    begins = datetime.datetime(2026, 11, 2)
    return (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(vectors.public_key(key))
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(begins + datetime.timedelta(days=1))
        .sign(vectors.private_key(signer), hashes.SHA256())
    )


class Replies(unittest.TestCase):
    def test_a_brokers_address_is_host_and_port(self):
        for text, wanted in {
            "mqtt://broker.example.org": "broker.example.org:8883",
            "mqtts://localhost:1234": "localhost:1234",
            "tls://[::1]:8884/": "[::1]:8884",
            "ssl://A": "a:8883",
        }.items():
            self.assertEqual(registry.broker_place(text), wanted)

    def test_anything_else_is_refused(self):
        for text in (
            "", "localhost", "http://a", "mqtt://", "mqtt://a:0", "mqtt://a:65536", "mqtt://a b", "mqtt://a/b", "mqtt://u@a",
            "mqtt://a\nb", "mqtt://a:1:2", "mqtt://" + "a" * 400 + ":1",
        ):  # fmt: skip
            if len(text) < 300:
                self.assertRaises(Fault, registry.broker_place, text)

    def test_members_must_be_there_and_of_their_type(self):
        self.assertEqual(registry._members('{"a": "b", "c": 1}', "x", a=str)["a"], "b")
        for text in ("", "[]", "null", "{}", '{"a": 1}', '{"a": null}'):
            self.assertRaises(Fault, registry._members, text, "x", a=str)

    def test_base64_may_be_broken_into_lines_and_nothing_else(self):
        self.assertEqual(registry._base64("YW\nJj", "x"), b"abc")
        for text in ("YW*Jj", "YWJ", "é"):
            self.assertRaises(Fault, registry._base64, text, "x")

    def test_only_https_is_spoken(self):
        for url in ("http://a", "a", "https://", "https://u:p@a", "https://a?b", "file:///etc/passwd"):
            self.assertRaises(Fault, registry.Service, url)


class Chains(unittest.TestCase):
    def test_a_certificate_leads_to_its_ca_directly_or_over_another(self):
        ca = certificate("ca", "ca", "c2_2048", "c2_2048")
        between = certificate("between", "ca", "obs_2048", "c2_2048")
        self.assertTrue(registry._leads_to([certificate("d1", "ca", "dev_2048", "c2_2048")], [ca]))
        self.assertTrue(registry._leads_to([certificate("d1", "between", "dev_2048", "obs_2048"), between], [ca]))

    def test_another_ca_of_the_same_name_does_not_do(self):
        ca = certificate("ca", "ca", "c2_2048", "c2_2048")
        for chain in (
            [certificate("d1", "ca", "dev_2048", "wrong_2048")],
            [certificate("d1", "other", "dev_2048", "c2_2048")],
            [certificate("d1", "between", "dev_2048", "obs_2048")],
        ):
            self.assertFalse(registry._leads_to(chain, [ca]))
