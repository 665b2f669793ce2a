"""Bytes that anyone may send: the dissectors mark them, and neither stop nor loop. tshark.run fails on any error of a dissector."""
import random
import struct
import unittest

import hci
import tshark
import vectors
from hci import BEACON, DEVICE
from test_links import Air, TRANSPORTS
from test_messages import capture

FRAME_GROUPS = {"version", "truncation", "length_lie", "trailing", "type"}
SHORT = ["srup.malformed"]


class HostileMessages(unittest.TestCase):
    """MQTT payloads."""

    def test_what_the_vectors_call_a_bad_frame_is_marked_and_good_ones_are_not(self):
        cases = vectors.load("negative_2048.json")
        rows = tshark.rows(capture("negative.pcap", [bytes.fromhex(each["payload_hex"]) for each in cases]), SHORT, "srup")
        self.assertEqual(len(rows), len(cases))
        for case, (marked,) in zip(cases, rows):
            with self.subTest(case=case["name"]):
                if case["must"] == "accept":
                    self.assertEqual(marked, "")
                elif case["group"] in FRAME_GROUPS and "confusion" not in case["name"]:
                    self.assertNotEqual(marked, "")

    def test_every_message_is_marked_at_every_shorter_length(self):
        kinds = {message["type"]: frame for message, frame in vectors.messages() if message["type"]}
        shorter = [frame[:length] for number, frame in kinds.items() for length in range(number % 5, len(frame), 5)]
        shorter += [kinds[0x0F][:length] for length in range(len(kinds[0x0F]))]
        rows = tshark.rows(capture("shorter.pcap", shorter), SHORT, "srup")
        self.assertEqual([payload.hex() for payload, row in zip(shorter, rows, strict=True) if not row[0]], [])

    def test_noise_and_false_lengths_are_survived(self):
        generator = random.Random(2)
        frames = [frame for _, frame in vectors.messages()]
        payloads = [generator.randbytes(generator.choice((0, 1, 2, 17, 20, 100, 700))) for _ in range(500)]
        payloads += [bytes([5, generator.randrange(0x30)]) + generator.randbytes(generator.randrange(700)) for _ in range(500)]
        for _ in range(1500):
            frame = bytearray(generator.choice(frames))
            for _ in range(generator.randrange(1, 4)):
                frame[generator.randrange(len(frame))] = generator.choice((0, 1, 0x7F, 0x80, 0xFF, generator.randrange(256)))
            payloads.append(bytes(frame))
        rows = tshark.rows(capture("noise.pcap", payloads), SHORT, "srup")
        self.assertEqual(len(rows), len(payloads))

    def test_a_message_that_is_not_captured_whole_is_left_to_mqtt(self):
        path = capture("whole.pcap", [frame for message, frame in vectors.messages() if message["type"] == 0x0F])
        data, cut = path.read_bytes(), bytearray()
        cut += data[:24]
        at = 24
        while at < len(data):
            seconds, fraction, captured, length = struct.unpack_from("<IIII", data, at)
            kept = min(captured, 200)
            cut += struct.pack("<IIII", seconds, fraction, kept, length) + data[at + 16 : at + 16 + kept]
            at += 16 + captured
        path.with_name("cut.pcap").write_bytes(cut)
        rows = tshark.rows(path.with_name("cut.pcap"), [*SHORT, "mqtt.topic"], "mqtt.topic")
        self.assertEqual(rows, [["", "SRUP/5f1e2d3c4b5a6978"]])


class HostileLinks(unittest.TestCase):
    """Packets of the proof link's channels."""

    def test_noise_is_survived_on_every_transport(self):
        generator = random.Random(3)
        frames = [frame for link in vectors.links().values() for _, frame in link]
        for transport in TRANSPORTS:
            air = Air(transport)
            for _ in range(60):
                channel = air.channel()
                for _ in range(10):
                    data = generator.choice((
                        lambda: generator.randbytes(generator.randrange(1, 200)),
                        lambda: bytes([generator.randrange(12), 0, generator.randrange(70)]) + generator.randbytes(40),
                        lambda: generator.choice(frames)[: generator.randrange(1, 140)],
                        lambda: generator.choice(frames) * 4,
                    ))()
                    channel.send(generator.choice((BEACON, DEVICE)), data)
                if generator.random() < 0.7:
                    channel.close()
            with self.subTest(transport=transport):
                rows = tshark.rows(air.write(f"noise-{transport}.snoop"), ["srup_link.malformed"], "srup_link", "-2")
                self.assertGreater(len([row for row in rows if row[0]]), 30)

    def test_false_lengths_of_le_packets_are_survived(self):
        generator, air = random.Random(4), Air("le")
        for _ in range(40):
            channel = air.channel()
            for _ in range(8):
                data = struct.pack("<H", generator.choice((0, 1, 3, 29, 515, 516, 65_535))) + generator.randbytes(generator.randrange(60))
                air.radio.send(DEVICE, data[: generator.randrange(1, 62)], channel.beacon)
        tshark.run(air.write("lengths.snoop"), "-V")

    def test_noise_below_the_link_is_survived(self):
        generator, air = random.Random(5), Air("rfcomm")
        for frames in vectors.links().values():
            air.play(frames)
        packets = air.radio.packets
        for _ in range(400):
            received, kind, data = generator.choice(packets)
            broken = bytearray(data)
            broken[generator.randrange(len(broken))] = generator.randrange(256)
            packets.insert(generator.randrange(len(packets)), (received, kind, bytes(broken[: generator.randrange(1, len(broken) + 1)])))
        tshark.run(air.write("below.snoop"), "-V")

    def test_links_do_not_mix_where_controllers_reuse_their_numbers(self):
        frames, packets = vectors.links()["keyed over rfcomm"], []
        for _ in range(3):
            air = Air("rfcomm")
            air.play(frames[:4])
            packets += air.radio.packets
        path = tshark.SCRATCH / "reused.snoop"
        hci.write_btsnoop(path, packets)
        self.assertEqual(tshark.rows(path, ["frame.number"], "srup_link.order"), [])


if __name__ == "__main__":
    unittest.main()
