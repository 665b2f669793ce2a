"""What a real broker, server, beacon and device send, recorded while they work."""
import pathlib
import random
import signal
import tempfile
import unittest

import hci
import site_of_tests
import tshark
import vectors
from test_links import Air, NAMES, TRANSPORTS, cut_anywhere

SEEN = {
    "keyed": ["HELLO", "CLAIM", "CHALLENGE", "PROOF", "SIGN", "SIGN", "OUTCOME"],
    "challenge": ["HELLO", "READY", "CHALLENGE", "PROOF", "OUTCOME"],
    "value": ["HELLO", "READY", "CHALLENGE", "VALUE", "OUTCOME"],
}
VECTORS_TOKEN = "fb47ce0f-aa3f-43f6-a3ac-c05e6d7ca0dc"
MAY_REPEAT = {"WAIT", "CLAIM"}


def frames_of(pieces):
    """The frames that each end has sent, in the order in which they were complete."""
    waiting, frames = {"beacon": b"", "device": b""}, []
    for sender, data in pieces:
        waiting[sender] += data
        while len(waiting[sender]) >= 3:
            size = 3 + int.from_bytes(waiting[sender][1:3], "big")
            if len(waiting[sender]) < size:
                break
            frames.append((sender, waiting[sender][:size]))
            waiting[sender] = waiting[sender][size:]
    return frames


class RealSite(unittest.TestCase):
    """Three devices join, each in another mode; the server asks the beacon who it is; a client publishes every message there is."""

    @classmethod
    def setUpClass(cls):
        # Unix sockets have short paths.
        cls.folder = tempfile.TemporaryDirectory(prefix="srup-dissect.")
        cls.addClassCleanup(cls.folder.cleanup)
        site = site_of_tests.Site(pathlib.Path(cls.folder.name), tshark.SCRATCH, site_of_tests.programs())
        # So that what was started ends with us.
        signal.signal(signal.SIGTERM, lambda number, _: signal.raise_signal(signal.SIGINT))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            site.open()
            cls.play(site)
        finally:
            site.close()
        cls.site = site

    @classmethod
    def play(cls, site):
        """All that is recorded."""
        cls.printed = {mode: site.join_logging_keys(mode) if mode == "keyed" else site.join(mode) for mode in site_of_tests.DEVICES}
        site.order(f"identity {site_of_tests.BEACON}")
        plain, encrypted = site.readers
        site_of_tests.wait(10, lambda: any(b"\x00\x0eIDENTIFICATION" in payload for _, payload in encrypted.received), "IDENTIFICATION")
        cls.own = len(encrypted.received)
        messages = vectors.messages()
        for _, frame in messages:
            plain.publish("SRUP/5f1e2d3c4b5a6978", frame)
        site_of_tests.wait(10, lambda: len(encrypted.received) >= cls.own + len(messages), "every message")
        site_of_tests.wait(10, lambda: len(plain.received) >= cls.own + len(messages), "every message, without TLS")

    def capture(self, name):
        """The path of a capture, and what tshark needs for it."""
        site, path = self.site, tshark.SCRATCH / f"{name}.pcap"
        if name == "plain":
            return path, ["-d", f"tcp.port=={site.plain_port},mqtt"]
        keys = "device.keys" if name == "device" else "reader.keys"
        return path, ["-d", f"tcp.port=={site.port},tls", "-d", f"tls.port=={site.port},mqtt",
                      "-o", f"tls.keylog_file:{tshark.SCRATCH}/{keys}"]

    def test_every_message_of_a_real_broker_is_shown(self):
        for name, reader in zip(("plain", "tls"), self.site.readers):
            path, options = self.capture(name)
            rows = tshark.rows(path, ["mqtt.topic", "srup.type"], "srup && tcp.srcport != 40001" if name == "plain" else "srup", *options)
            shown = [int(number, 16) for row in rows for number in row[1].split("|")]
            received = [payload[1] for _, payload in reader.received]
            with self.subTest(capture=name):
                self.assertEqual(shown[: len(received)], received)

    def test_without_the_key_log_nothing_is_shown(self):
        path, options = self.capture("tls")
        self.assertEqual(tshark.rows(path, ["srup.type"], "srup", *options[:4]), [])

    def test_the_key_log_of_the_kit_decrypts_what_its_device_has_sent_and_received(self):
        path, options = self.capture("device")
        rows = tshark.rows(path, ["srup.type", "tcp.dstport"], "srup", *options)
        shown = [(int(number, 16), row[1] == str(self.site.port)) for row in rows for number in row[0].split("|")]
        self.assertEqual(shown, [(0x0D, True), (0x0E, False), (0x02, False)])  # OBS_JOIN_REQ, OBS_JOIN_RESP, RESPONSE
        self.assertEqual(tshark.rows(path, ["srup.type"], "srup", *options[:4]), [])
        other = [*options[:4], "-o", f"tls.keylog_file:{tshark.SCRATCH}/reader.keys"]
        self.assertEqual(tshark.rows(path, ["srup.type"], "srup", *other), [])

    def test_a_key_log_is_warned_of_and_written_only_where_it_is_asked_for(self):
        self.assertIn("srup-bench: warning: the TLS keys of this run go to", self.printed["keyed"])
        for mode in "challenge", "value":
            self.assertNotIn("warning", self.printed[mode])

    def test_answers_point_at_their_questions(self):
        path, options = self.capture("tls")
        shown = [each for each in tshark.blocks(path, "-2", "-Y", "srup", *options) if each[1]["Token"] != VECTORS_TOKEN]
        pairs = set()
        for frame, fields in shown:
            if asked := fields.get("Answer to the message in frame"):
                (question,) = [
                    each for number, each in shown
                    if number == int(asked) and each["Token"] == fields["Token"] and "Answer to the message in frame" not in each
                ]
                pairs.add((question["Type"].split()[0], fields.get("Status", fields.get("Data id"))))
                if "Status" in fields:
                    self.assertEqual(question["Answered in frame"], str(frame))
        self.assertLessEqual({
            ("OBSERVE_REQ", "observed join: valid (0x60)"), ("OBS_JOIN_RESP", "join: accepted (0x50)"), ("ID_REQUEST", "IDENTIFICATION"),
            ("OBSERVE_REQ", "OBSERVATION_PROOF"),
        }, pairs)

    def test_real_messages_are_not_marked(self):
        path, options = self.capture("tls")
        rows = tshark.rows(path, ["srup.type", "srup.malformed"], "srup", *options)
        self.assertEqual([row[0] for row in rows if row[1] and "0x00" not in row[0]], [])

    def test_the_proof_of_a_real_observation_is_taken_apart(self):
        path, options = self.capture("tls")
        names = ["srup.proof.mode", "srup.proof.beacon", "srup.proof.device", "srup.proof.server", "srup.proof.transport"]
        rows = tshark.rows(path, names, "srup.proof", *options)
        wanted = ["3", *("0x" + each for each in (site_of_tests.BEACON, site_of_tests.DEVICES["keyed"], site_of_tests.SERVER_ID)), "0"]
        self.assertEqual(rows, [wanted])

    def test_no_sealed_value_signature_or_tag_of_real_messages_is_shown(self):
        path, options = self.capture("tls")
        shown = tshark.tree(path, *options)
        for _, payload in self.site.readers[1].received[: self.own]:
            at = 20 + int.from_bytes(payload[18:20], "big") + 2
            self.assertNotIn(payload[at : at + 8].hex(), shown)
            if payload[1] in (0x0E, 0x0F):
                self.assertNotIn(payload[-48:-40].hex(), shown)

    def test_real_links_are_shown_over_every_transport(self):
        generator, packets, wanted = random.Random(6), [], []
        links = [(mode, pieces, frames_of(pieces)) for mode, pieces in zip(site_of_tests.DEVICES, self.joined())]
        for transport in TRANSPORTS:
            air = Air(transport)
            for _, pieces, frames in links:
                played = [frames, pieces, list(cut_anywhere(frames, generator))] if transport == "rfcomm" else [frames]
                for each in played:
                    air.play(each)
                    wanted += [NAMES[frame[0]] for _, frame in frames]
            packets += air.radio.packets
        path = tshark.SCRATCH / "real.snoop"
        hci.write_btsnoop(path, packets)
        rows = tshark.rows(path, ["srup_link.type", "srup_link.malformed", "srup_link.order"], "srup_link")
        self.assertEqual([NAMES[int(number, 16)] for row in rows if row[0] for number in row[0].split("|")], wanted)
        self.assertEqual([row for row in rows if row[1] or row[2]], [])
        for mode, _, frames in links:
            names = [NAMES[frame[0]] for _, frame in frames if NAMES[frame[0]] not in MAY_REPEAT]
            self.assertEqual(names, [name for name in SEEN[mode] if name not in MAY_REPEAT], mode)

    def test_no_value_claim_proof_tag_or_signature_of_a_real_link_is_shown(self):
        air = Air("rfcomm")
        hidden = set()
        for pieces in self.joined():
            frames = frames_of(pieces)
            air.play(frames)
            hidden |= {frame[4:12].hex() for _, frame in frames if frame[0] in (5, 6, 7, 8, 9)}
            hidden |= {frame[3:11].hex() for _, frame in frames if frame[0] == 6}
            hidden |= {frame[35:43].hex() for _, frame in frames if frame[0] == 5}
        shown = tshark.tree(air.write("real-hidden.snoop"))
        self.assertEqual([each for each in hidden - {"0" * 16} if each in shown], [])

    def joined(self):
        """The pieces of the links that ended with a proof, one for each device."""
        found = [pieces for pieces in self.site.links if any(frame[0] in (5, 6) for _, frame in frames_of(pieces))]
        self.assertEqual(len(found), len(site_of_tests.DEVICES))
        return found


if __name__ == "__main__":
    unittest.main()
