import os
import queue
import struct
import tempfile
import threading
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from srup_device import device
from srup_device import messages as srup
from srup_device.device import FAILED, JOINED, NO_ANSWER, REFUSED, Device, Node
from srup_device.messages import Frame, Message
from srup_device.state import State

from . import vectors

DEVICE, SERVER, BEACON, VALUE = 0xD1, 0xC2, 0xB1, bytes(range(16))


def seal(value, key):
    """A sealed value, as the server makes it."""
    aes, vector, plain = os.urandom(32), os.urandom(16), value.hex().encode()
    encryptor = Cipher(algorithms.AES(aes), modes.CBC(vector)).encryptor()
    ciphertext = encryptor.update(plain + bytes([16]) * 16) + encryptor.finalize()
    wrapped = key.encrypt(aes, padding.PKCS1v15())
    return struct.pack("<i", len(wrapped)) + wrapped + vector + struct.pack("<ii", 48, 32) + ciphertext


class FakeServer:
    """The broker, and a server behind it: `answer(message)` gives what it sends back, as (type, token, fields)."""

    def __init__(self):
        self.messages, self.published, self.answer = queue.Queue(), [], lambda message: []
        self.key, self.device_key, self.sequence = vectors.private_key("c2_2048"), vectors.public_key("dev_2048"), 0

    def publish(self, topic, payload):
        message = Frame(payload).verified(self.device_key)
        self.published.append((topic, message))
        self.sequence = max(self.sequence, message.sequence)
        self.messages.put(payload)  # the topic is shared
        for one in self.answer(message):
            self.send(*one)

    def send(self, kind, token, fields=None, sender=SERVER, key=None, sequence=None):
        self.sequence += 1
        made = Message(kind, self.sequence if sequence is None else sequence, sender, token, fields or {})
        self.messages.put(made.signed(key or self.key))

    @property
    def kinds(self):
        return [message.kind for _, message in self.published]


class Devices(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder, self.said, self.server = Path(folder.name), [], FakeServer()
        self.state = self.open_state()
        self.node = Node(DEVICE, vectors.private_key("dev_2048"), SERVER, vectors.public_key("c2_2048"))
        self.device = Device(self.node, self.state, self.server, say=self.said.append)
        self.given = []
        self.prover = SimpleNamespace(
            fault=None, is_proving=False, give=self.given.append,
            start=lambda: None, stop=lambda: None, is_alive=lambda: True,
        )  # fmt: skip

    def open_state(self):
        return State(self.folder / "state", DEVICE, SERVER, self.folder / "key.pem", floor=1_000)

    def tearDown(self):
        self.state.__exit__()

    def until_quiet(self, work, *arguments):
        """Does this until no message waits any more: no time limit of a test depends on the machine."""

        def watch():
            quiet = 0
            while quiet < 5 and not is_done.wait(0.03):
                quiet = quiet + 1 if self.server.messages.empty() else 0
            self.device.is_stopped = True

        self.device.is_stopped, is_done = False, threading.Event()
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            return work(*arguments)
        finally:
            is_done.set()
            watcher.join()

    def join(self, how="observed"):
        prover = self.prover if how == "observed" else None
        return self.until_quiet(self.device.join, how, 60, BEACON, prover, self.given.append)

    def answers(self, *made):
        """The server answers a request with these; T1 stands for the request's token."""
        self.server.answer = lambda message: [
            (kind, message.token if token == "T1" else token, fields) for kind, token, fields in made
        ]

    def sealed(self, key="dev_2048"):
        return {"sealed": seal(VALUE, vectors.public_key(key))}


class Joins(Devices):
    def test_a_simple_join_has_three_outcomes(self):
        for status, outcome in ((0x5E, REFUSED), (0x5F, FAILED), (0x50, JOINED)):
            self.answers((srup.RESPONSE, "T1", {"status": status}))
            self.assertEqual(self.join("simple"), outcome)
        self.assertEqual(self.state.membership, "member")
        self.assertEqual({topic for topic, _ in self.server.published}, {"SRUP/servers/c2/d1"})

    def test_an_observed_join_proves_the_value_and_obeys_the_servers_response(self):
        self.answers((srup.OBS_JOIN_RESP, b"T2", self.sealed()), (srup.RESPONSE, b"T2", {"status": 0x50}))
        self.assertEqual(self.join(), JOINED)
        self.assertEqual(self.given, [VALUE])
        self.assertEqual(self.server.published[0][1].fields, {"observer": BEACON})

    def test_a_human_moderated_join_shows_the_value(self):
        self.answers((srup.HM_JOIN_RESP, b"T2", self.sealed()), (srup.RESPONSE, b"T2", {"status": 0x5E}))
        self.assertEqual(self.join("human"), REFUSED)
        self.assertEqual(self.given, [VALUE])

    def test_success_without_a_value_is_not_believed(self):
        self.answers((srup.RESPONSE, "T1", {"status": 0x50}))
        self.assertEqual((self.join(), self.join("human")), (NO_ANSWER, NO_ANSWER))
        self.assertEqual(self.state.membership, "stranger")

    def test_an_immediate_refusal_counts(self):
        self.answers((srup.RESPONSE, "T1", {"status": 0x5E}))
        self.assertEqual(self.join(), REFUSED)

    def test_a_refusal_of_the_request_does_not_end_a_join_whose_value_has_come(self):
        self.answers(
            (srup.OBS_JOIN_RESP, b"T2", self.sealed()), (srup.RESPONSE, "T1", {"status": 0x5E}),
            (srup.RESPONSE, b"T2", {"status": 0x50}),
        )  # fmt: skip
        self.assertEqual(self.join(), JOINED)

    def test_a_repeated_request_has_the_token_of_the_first_and_an_id_of_its_own(self):
        with mock.patch.object(device, "FIRST_RETRY", 0.05):
            self.assertEqual(self.device.join("observed", 0.5, BEACON, self.prover), NO_ANSWER)
        requests = [message for _, message in self.server.published]
        self.assertGreater(len(requests), 1)
        self.assertEqual(len({message.token for message in requests}), 1)
        self.assertEqual(len({message.sequence for message in requests}), len(requests))

    def test_a_foreign_token_or_status_decides_nothing(self):
        self.answers(
            (srup.OBS_JOIN_RESP, b"T2", self.sealed()),
            (srup.RESPONSE, b"T3", {"status": 0x50}),
            (srup.RESPONSE, b"T2", {"status": 0x60}),
        )
        self.assertEqual(self.join(), NO_ANSWER)

    def test_a_value_that_is_sealed_to_another_node_changes_nothing(self):
        self.answers((srup.OBS_JOIN_RESP, b"T2", self.sealed("obs_2048")))
        self.assertEqual((self.join(), self.given, self.state.accepted), (NO_ANSWER, [], 0))

    def test_a_message_that_is_not_the_servers_own_or_not_new_is_refused(self):
        def answer(message):
            self.server.send(srup.RESPONSE, message.token, {"status": 0x50}, sender=0xC3)
            self.server.send(srup.RESPONSE, message.token, {"status": 0x50}, key=vectors.private_key("wrong_2048"))
            self.server.send(srup.RESPONSE, message.token, {"status": 0x50}, sequence=0)
            self.server.send(srup.RESPONSE, message.token, {"status": 0x50}, sequence=2**64 - 1)
            self.server.messages.put(b"")
            return []

        self.server.answer = answer
        self.assertEqual(self.join("simple"), NO_ANSWER)
        self.assertEqual(sum("refused a message" in line for line in self.said), 5)

    def test_after_the_loss_of_its_state_an_old_value_is_not_believed(self):
        self.state.next_sequence()
        self.state.__exit__()
        self.state.file.unlink()
        self.state = self.device.state = self.open_state()
        # The server does not answer; somebody replays what it sent in an earlier join.
        self.answers((srup.OBS_JOIN_RESP, b"T0", self.sealed()), (srup.RESPONSE, b"T0", {"status": 0x50}))
        self.assertEqual((self.join(), self.given), (NO_ANSWER, []))
        self.assertEqual(self.server.kinds, [srup.JOIN_REQ])

    def test_after_the_loss_of_its_state_it_learns_the_servers_id_first(self):
        self.state.accepted = None

        def answer(message):
            if message.kind == srup.JOIN_REQ:
                return [(srup.RESPONSE, message.token, {"status": 0x5E})]
            return [(srup.OBS_JOIN_RESP, b"T2", self.sealed()), (srup.RESPONSE, b"T2", {"status": 0x50})]

        self.server.answer = answer
        self.assertEqual(self.join(), JOINED)
        self.assertEqual(self.server.kinds, [srup.JOIN_REQ, srup.OBS_JOIN_REQ])


class Members(Devices):
    def setUp(self):
        super().setUp()
        self.state.accept(10, "member")
        self.server.sequence = 10
        self.token = srup.new_token() + b"@d1"

    def serve(self, *commands):
        for kind, token, fields in commands:
            self.server.send(kind, token, fields)
        self.until_quiet(self.device.serve)
        return [message for _, message in self.server.published]

    def test_each_command_is_answered_under_its_token(self):
        answers = self.serve(
            (srup.ACTION, self.token, {"action": 3}),
            (srup.ACTION, self.token, {"action": 99}),
            (srup.DATA, self.token, {"id": b"IDENTIFY_SECONDS", "data": b"\7\0\0\0"}),
            (srup.DATA, self.token, {"id": b"IDENTIFY_SECONDS", "data": b"\7"}),
            (srup.INITIATE, self.token, {"url": b"", "digest": b""}),
            (srup.ACTIVATE, self.token, {}),
        )
        self.assertEqual([message.fields["status"] for message in answers], [0x20, 0x2E, 0x3F, 0xFE, 0x1F])
        self.assertEqual({message.token for message in answers}, {self.token})
        self.assertEqual(self.device.actions.identify_seconds, 7)

    def test_an_identity_request_is_answered_with_data(self):
        (answer,) = self.serve((srup.ID_REQUEST, self.token, {}))
        self.assertEqual((answer.kind, answer.fields["id"]), (srup.DATA, b"IDENTIFICATION"))

    def test_a_command_for_another_device_is_ignored_and_its_id_not_used(self):
        for token in (srup.new_token(), srup.new_token() + b"@d2", b"@d1", srup.new_token() + b"@d1@d1"):
            self.assertEqual(self.serve((srup.ACTION, token, {"action": 3})), [])
        self.assertEqual(self.state.accepted, 10)

    def test_commands_of_a_reference_server_are_obeyed_where_that_is_set(self):
        self.device.names_recipient = False
        answers = self.serve((srup.ACTION, b"plain", {"action": 3}), (srup.ID_REQUEST, b"plain", {}))
        self.assertEqual(answers[0].fields, {"status": 0x20})
        self.assertEqual(answers[1].fields["id"], b"IDENTIFICATION_RESPONSE")

    def test_a_replayed_command_is_not_obeyed(self):
        self.server.send(srup.ACTION, self.token, {"action": 3}, sequence=50)
        self.server.send(srup.ACTION, self.token, {"action": 3}, sequence=50)
        self.assertEqual(len(self.serve()), 1)

    def test_terminate_ends_the_membership(self):
        self.assertEqual(self.serve((srup.TERMINATE_CMD, self.token, {}), (srup.ACTION, self.token, {"action": 3})), [])
        self.assertEqual(self.state.membership, "terminated")

    def test_resigning_names_the_server(self):
        self.server.answer = lambda message: [(srup.RESPONSE, message.token, {"status": 0x70})]
        self.assertTrue(self.device.resign(60))
        topic, message = self.server.published[0]
        self.assertEqual((topic, message.kind, message.token[-3:]), ("SRUP/d1", srup.RESIGN_REQ, b"@c2"))
        self.assertEqual(self.state.membership, "resigned")

    def test_a_server_may_keep_a_member(self):
        self.server.answer = lambda message: [(srup.RESPONSE, message.token, {"status": 0x7F})]
        self.assertFalse(self.device.resign(60))
        self.assertEqual(self.state.membership, "member")

    def test_serving_ends_when_it_is_told_to(self):
        threading.Timer(0.1, lambda: setattr(self.device, "is_stopped", True)).start()
        self.device.serve()
        self.assertEqual(self.state.membership, "member")
