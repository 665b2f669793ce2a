"""SRUP in MQTT, on frames of the reference."""
import unittest

import mqtt
import tshark
import vectors
from tcp_capture import CLIENT, TCPCapture

TOPIC = "SRUP/5f1e2d3c4b5a6978"
SECRET = 8  # so many bytes of a signature or a sealed value are recognised wherever they are shown


def capture(name, payloads, topic=TOPIC, port=1883):
    """A capture of one client that publishes these payloads; the same file in each run."""
    path = tshark.SCRATCH / name
    file = TCPCapture(path)
    file.moment = 1.0
    connection = file.connection(port)
    connection.send(CLIENT, mqtt.connect("test"))
    for number, payload in enumerate(payloads, 1):
        connection.send(CLIENT, mqtt.publish(topic, payload, number))
    file.close()
    return path


def one_of_each(messages):
    """The first frame of each type, and of each status of RESPONSE."""
    seen = {}
    for message, frame in messages:
        seen.setdefault((message["type"], message["fields"].get("status")), (message, frame))
    return list(seen.values())


def hidden_bytes(messages):
    """What may not be shown: the beginning of each signature and each sealed value, in hexadecimal digits."""
    found = set()
    for message, _ in messages:
        found.add(message.get("signature_hex", "")[: 2 * SECRET])
        found.add((message.get("encrypted") or {}).get("wrapped_key_hex", "")[: 2 * SECRET])
        found.add((message.get("encrypted") or {}).get("envelope_hex", "")[8 : 8 + 2 * SECRET])
        found.add((message.get("encrypted") or {}).get("plaintext_hex", "")[: 2 * SECRET])
    return {each for each in found if len(each) == 2 * SECRET}


class Messages(unittest.TestCase):
    """Frames that the reference has made."""

    def test_every_message_and_every_status_is_shown_with_its_fields(self):
        messages = one_of_each(vectors.messages())
        self.assertEqual(len({message["type"] for message, _ in messages}), 28)
        tshark.compare(self, "messages.txt", tshark.tree(capture("messages.pcap", [frame for _, frame in messages])))

    def test_fields_have_the_values_that_the_reference_put_in(self):
        messages = vectors.messages() + vectors.messages(3072) + [
            (each, bytes.fromhex(each["serialized_hex"])) for each in vectors.load("edge_2048.json")
        ]
        names = ["srup.sequence_id", "srup.sender", "srup.type", "srup.token_length", "srup.signature_length", "srup.status"]
        rows = tshark.rows(capture("fields.pcap", [frame for _, frame in messages]), names, "srup")
        self.assertEqual(len(rows), len(messages))
        for (message, frame), row in zip(messages, rows):
            fields = message["fields"]
            wanted = [fields["sequence_id"], "0x" + fields["sender_id"], f"0x{message['type']:02x}", str(len(fields["token_hex"]) // 2)]
            self.assertEqual(row[:4], wanted, message["name"])
            if message["key"] and fields["token_hex"]:
                self.assertEqual(row[4], str(len(message["signature_hex"]) // 2), message["name"])
            if "status" in fields:
                self.assertEqual(int(row[5], 16), fields["status"], message["name"])

    def test_good_messages_are_not_marked_and_the_generic_one_and_an_empty_token_are(self):
        messages = vectors.messages() + [(each, bytes.fromhex(each["serialized_hex"])) for each in vectors.load("edge_2048.json")]
        rows = tshark.rows(capture("good.pcap", [frame for _, frame in messages]), ["srup.malformed", "srup.type"], "srup")
        marked = [message["name"] for (message, _), row in zip(messages, rows) if row[0]]
        refused = [message["name"] for message, _ in messages if message["type"] == 0 or not message["fields"]["token_hex"]]
        self.assertEqual(marked, refused)

    def test_no_bytes_of_signatures_and_sealed_values_are_shown(self):
        messages = vectors.messages()
        path = capture("hidden.pcap", [frame for _, frame in messages])
        hidden = hidden_bytes(messages)
        self.assertGreater(len(hidden), 60)
        for form in "json", "pdml":
            shown = tshark.run(path, "-T", form, "-J", "srup").lower().replace(":", "")
            self.assertEqual([each for each in hidden if each in shown], [], form)
        shown = tshark.tree(path)
        self.assertEqual([each for each in hidden if each in shown], [])


class Topics(unittest.TestCase):
    """Which messages of MQTT are SRUP."""

    def test_other_topics_are_left_alone_and_the_prefix_is_a_preference(self):
        frames = [frame for message, frame in vectors.messages() if message["type"] == 9]
        path = capture("topics.pcap", frames, "plant/SRUP/5f1e2d3c4b5a6978")
        self.assertEqual(tshark.rows(path, ["srup.type"], "srup"), [])
        self.assertEqual(tshark.rows(path, ["srup.type"], "srup", "-o", "srup.topics:plant/SRUP/"), [["0x09"]] * len(frames))

    def test_messages_that_share_a_segment_are_each_shown(self):
        path = tshark.SCRATCH / "shared.pcap"
        file = TCPCapture(path)
        packets = [mqtt.publish(TOPIC, frame, number) for number, (_, frame) in enumerate(vectors.messages()[1:6], 1)]
        file.connection(1883).send(CLIENT, mqtt.connect("test") + b"".join(packets))
        file.close()
        self.assertEqual(tshark.rows(path, ["srup.type"], "srup"), [["0x01|0x02|0x02|0x02|0x02"]])

    def test_a_port_of_ones_own_needs_decode_as(self):
        path = capture("port.pcap", [vectors.messages()[1][1]], port=21883)
        self.assertEqual(tshark.rows(path, ["srup.type"], "srup", "-d", "tcp.port==21883,mqtt"), [["0x01"]])


if __name__ == "__main__":
    unittest.main()
