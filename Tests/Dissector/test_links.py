"""The proof link over Bluetooth: the frames of Tests/Vectors in the framing of each transport."""
import random
import unittest

import hci
import tshark
import vectors
from hci import BEACON, DEVICE

NAMES = {1: "HELLO", 2: "READY", 3: "WAIT", 4: "CHALLENGE", 5: "PROOF", 6: "VALUE", 7: "OUTCOME", 8: "CLAIM", 9: "SIGN"}
NUMBERS = {name: number for number, name in NAMES.items()}
SENDERS = {"beacon": BEACON, "device": DEVICE}
TRANSPORTS = ("rfcomm", "l2cap", "le")
MARKS = ["srup_link.malformed", "srup_link.order", "srup_link.untagged", "srup_link.open"]


class Air:
    """A device that is connected to the beacon's controller, and opens one channel after the other to the beacon."""

    def __init__(self, transport, address=None, from_beacon=False):
        self.transport, self.from_beacon, self.multiplexer = transport, from_beacon, None
        self.address = address or {"rfcomm": 21, "l2cap": 0x1035, "le": 0xD5}[transport]
        handle = {"rfcomm": 0x0B, "l2cap": 0x0C, "le": 0x40}[transport]
        self.radio = hci.Radio(handle, low_energy=transport == "le")

    def channel(self):
        """A new channel."""
        if self.transport == "l2cap":
            return hci.L2CAP(self.radio, self.address)
        if self.transport == "le":
            return hci.LE(self.radio, self.address)
        if self.multiplexer:
            self.multiplexer.open()
        else:
            self.multiplexer = hci.RFCOMM(self.radio, self.address, self.from_beacon)
        return self.multiplexer

    def play(self, pieces):
        """One link: what each end sends, then the beacon closes."""
        channel = self.channel()
        for sender, data in pieces:
            channel.send(SENDERS[sender], data)
        channel.close()

    def write(self, name):
        """A capture of all that was sent, as the beacon's machine records it."""
        path = tshark.SCRATCH / name
        hci.write_btsnoop(path, self.radio.packets)
        return path


def types(path, *options):
    """The names of all frames that are shown, in order."""
    found = tshark.rows(path, ["srup_link.type"], "srup_link.type", *options)
    return [NAMES[int(number, 16)] for row in found for number in row[0].split("|")]


def names_of(frames):
    """The names of these frames."""
    return [NAMES[frame[0]] for _, frame in frames]


def cut_anywhere(frames, generator):
    """The same bytes in the same order, cut and joined at random places: what one end sends in a row is one stream."""
    runs = []
    for sender, frame in frames:
        if runs and runs[-1][0] == sender:
            runs[-1][1].extend(frame)
        else:
            runs.append((sender, bytearray(frame)))
    for sender, data in runs:
        at = 0
        while at < len(data):
            size = generator.choice((1, 2, 3, 20, 100, 400))
            yield sender, bytes(data[at : at + size])
            at += size


FRAMES = vectors.links()["keyed over rfcomm"]


def from_device(packets):
    """The same as the device's machine records it."""
    return [(kind == hci.EVENT or not received, kind, data) for received, kind, data in packets]


def over_all(frames, addresses=(None, None, None), fragment=None, cut=False):
    """The packets of one link with these frames over each transport; with `cut`, RFCOMM cuts and joins them."""
    packets = []
    for transport, address in zip(TRANSPORTS, addresses):
        air = Air(transport, address)
        air.radio.fragment = fragment
        air.play(cut_anywhere(frames, random.Random(7)) if cut and transport == "rfcomm" else frames)
        packets += air.radio.packets
    return packets


class WholeLinks(unittest.TestCase):
    """Links in which nothing is wrong."""

    def test_every_type_is_shown_with_its_fields_over_each_transport(self):
        for transport, links in (
            ("rfcomm", ["keyed over rfcomm", "keyed, the value comes late", "keyed alone, the beacon is private"]),
            ("l2cap", ["challenge, held for the request", "value, valid", "value, invalid"]),
            ("le", ["keyed over le", "challenge over le"]),
        ):
            air = Air(transport)
            for link in links:
                air.play(vectors.links()[link])
            with self.subTest(transport=transport):
                tshark.compare(self, f"{transport}.txt", tshark.tree(air.write(f"{transport}.snoop"), "-2", "-Y", "srup_link.frame"))

    def test_every_link_of_the_vectors_is_shown_whole_over_every_transport(self):
        for transport in TRANSPORTS:
            air = Air(transport)
            for frames in vectors.links().values():
                air.play(frames)
            wanted = [name for frames in vectors.links().values() for name in names_of(frames)]
            rows = tshark.rows(air.write(f"all-{transport}.snoop"), ["srup_link.type", *MARKS], "srup_link.type")
            with self.subTest(transport=transport):
                self.assertEqual([NAMES[int(number, 16)] for row in rows for number in row[0].split("|")], wanted)
                self.assertEqual({row[0] for row in rows if any(row[1:])}, {"0x06"})  # the value in the clear

    def test_frames_that_a_stream_cuts_and_joins_are_shown_as_they_were_sent(self):
        generator, air, wanted = random.Random(1), Air("rfcomm"), []
        for _ in range(5):
            for frames in vectors.links().values():
                air.play(cut_anywhere(frames, generator))
                wanted += names_of(frames)
        path = air.write("cut.snoop")
        self.assertEqual(types(path, "-2"), wanted)
        self.assertEqual(tshark.rows(path, ["frame.number"], "srup_link.malformed or srup_link.order"), [])

    def test_frames_of_a_link_point_at_each_other(self):
        air = Air("l2cap")
        air.play(vectors.links()["keyed over l2cap"])
        names = ["frame.number", "began_in", "challenge_in", "proof_in", "outcome_in", "signature_length"]
        columns = [name if name == "frame.number" else "srup_link." + name for name in names]
        rows = tshark.rows(air.write("pointers.snoop"), columns, "srup_link", "-2")
        first = int(rows[0][0])
        numbers = [[str(int(value) - first) if value and column < 5 else value for column, value in enumerate(row)] for row in rows]
        self.assertEqual(numbers, [
            ["0", "", "", "", "6", ""],
            ["1", "0", "", "", "", ""],
            ["2", "0", "", "3", "", ""],
            ["3", "0", "2", "", "", ""],
            ["4", "0", "", "", "", "128"],
            ["5", "0", "", "", "", "256"],
            ["6", "0", "", "", "", ""],
        ])

    def test_no_bytes_of_values_claims_proofs_tags_and_signatures_are_shown(self):
        air, hidden = Air("rfcomm"), set()
        for frames in vectors.links().values():
            air.play(frames)
        for link in vectors.load("proof-link.json")["links"]:
            for name in "value_hex", "device_nonce_hex", "tag_hex", "outcome_tag_hex", "claim_hex", "signature_hex":
                hidden.add((link.get(name) or "")[:16])
        hidden -= {"", "0" * 16}
        self.assertGreater(len(hidden), 60)
        path = air.write("hidden.snoop")
        for form in "json", "pdml":
            shown = tshark.run(path, "-T", form, "-J", "srup_link").lower().replace(":", "")
            self.assertEqual([each for each in hidden if each in shown], [], form)
        shown = tshark.tree(path)
        self.assertEqual([each for each in hidden if each in shown], [])


class Captures(unittest.TestCase):
    """Where a capture comes from."""

    def test_all_formats_of_captures_show_the_same(self):
        packets, base = over_all(FRAMES), str(tshark.SCRATCH / "format")
        hci.write_btsnoop(f"{base}.btsnoop", packets)
        hci.write_btmon(f"{base}.btmon", [packets])
        hci.write_pcap(f"{base}.pcap", packets)
        hci.write_hcidump(f"{base}.hcidump", packets)
        for form in "btsnoop", "btmon", "pcap", "hcidump":
            with self.subTest(form=form):
                self.assertEqual(types(f"{base}.{form}"), 3 * names_of(FRAMES))

    def test_a_first_pass_without_fields_loses_nothing(self):
        hci.write_btsnoop(tshark.SCRATCH / "passes.snoop", over_all(FRAMES, cut=True))
        self.assertEqual(tshark.tree(tshark.SCRATCH / "passes.snoop", "-2").count(", from the "), 3 * len(FRAMES))

    def test_a_capture_of_the_devices_machine_shows_the_same(self):
        hci.write_btsnoop(tshark.SCRATCH / "device.snoop", from_device(over_all(FRAMES)))
        self.assertEqual(types(tshark.SCRATCH / "device.snoop"), 3 * names_of(FRAMES))

    def test_both_ends_on_one_machine_are_two_links(self):
        packets = over_all(FRAMES, cut=True)
        hci.write_btmon(tshark.SCRATCH / "both.btmon", [packets, from_device(packets)])
        rows = tshark.rows(tshark.SCRATCH / "both.btmon", ["srup_link.type", *MARKS], "srup_link")
        self.assertEqual(sum(row[0].count("0x") for row in rows), 6 * len(FRAMES))
        self.assertEqual([row for row in rows if any(row[1:])], [])

    def test_decode_as_shows_channels_whose_opening_was_not_captured(self):
        packets = over_all(FRAMES, addresses=(7, 0x1101, 0x81))
        path = tshark.SCRATCH / "decode.snoop"
        hci.write_btsnoop(path, packets)
        decode = ("-d", "btrfcomm.dlci==14,srup_link", "-d", "btl2cap.psm==0x1101,srup_link", "-d", "btl2cap.psm==129,srup_link")
        self.assertEqual(types(path, *decode)[:14], 2 * names_of(FRAMES))
        air = Air("l2cap")
        air.play(FRAMES)
        hci.write_btsnoop(path, [packet for packet in air.radio.packets if packet[2][6:8] not in (b"\1\0", b"\5\0")])
        self.assertEqual(types(path), [])
        cids = (air.radio.cid, air.radio.cid + 1)
        self.assertEqual(types(path, *(f"-dbtl2cap.cid=={cid},srup_link" for cid in cids)), names_of(FRAMES))

    def test_packets_that_the_controller_splits_are_joined(self):
        hci.write_btsnoop(tshark.SCRATCH / "fragments.snoop", over_all(FRAMES, fragment=27))
        self.assertEqual(types(tshark.SCRATCH / "fragments.snoop"), 3 * names_of(FRAMES))

    def test_other_channels_are_left_alone_and_the_numbers_are_preferences(self):
        hci.write_btsnoop(tshark.SCRATCH / "preferences.snoop", over_all(FRAMES, addresses=(7, 0x1101, 0x81)))
        path = tshark.SCRATCH / "preferences.snoop"
        self.assertEqual(types(path), [])
        preferences = [f"-osrup_link.{each}" for each in ("rfcomm:5-7", "l2cap:0x1101", "le:0xD5,0x81")]
        self.assertEqual(types(path, *preferences), 3 * names_of(FRAMES))

    def test_channel_ids_that_are_used_again_for_something_else_are_left_alone(self):
        air = Air("le")
        air.play(FRAMES)
        for psm in 0x81, 0xD5:
            air.radio.cid, air.address = 0x40, psm
            air.play(FRAMES)
        # Another protocol over BR/EDR, with the same handle and channel ids.
        air.radio.cid, air.radio.low_energy = 0x40, False
        other = hci.L2CAP(air.radio, 0x1101)
        for sender, frame in FRAMES:
            other.send(SENDERS[sender], frame)
        path = air.write("again.snoop")
        self.assertEqual(types(path), 2 * names_of(FRAMES))
        air.radio.packets = from_device(air.radio.packets)
        self.assertEqual(types(air.write("again.snoop")), 2 * names_of(FRAMES))

    def test_a_multiplexer_that_the_beacon_opened_has_the_channel_too(self):
        air = Air("rfcomm", from_beacon=True)
        air.play(vectors.links()["keyed over rfcomm"])
        self.assertEqual(len(types(air.write("beacon-opened.snoop"))), 7)


class Faults(unittest.TestCase):
    """Links in which something is wrong."""

    def test_bad_frames_of_the_vectors_are_marked_on_packet_transports(self):
        bad = [each for each in vectors.load("proof-link.json")["bad_frames"] if each["bytes_hex"]]
        for transport in "l2cap", "le":
            air = Air(transport)
            for each in bad:
                air.channel().send(DEVICE, bytes.fromhex(each["bytes_hex"]))
            path = air.write(f"bad-{transport}.snoop")
            rows = tshark.rows(path, ["srup_link.malformed"], "srup_link && !srup_link.rest")
            with self.subTest(transport=transport):
                self.assertEqual([each["name"] for each, row in zip(bad, rows, strict=True) if not row[0]], [])

    def test_a_stream_rejects_waits_and_goes_on_as_the_vectors_say(self):
        bad, air = [each for each in vectors.load("proof-link.json")["bad_frames"] if each["bytes_hex"]], Air("rfcomm")
        for each in bad:
            air.play([("device", bytes.fromhex(each["bytes_hex"]))])
        rows = tshark.rows(air.write("bad.snoop"), ["srup_link.malformed", "srup_link.type", "srup_link.rest"], "srup_link")
        for each, (malformed, frames, rest) in zip(bad, rows, strict=True):
            shown = "frame, then waits" if frames else "waits"
            if not rest:
                shown = "two frames" if "|" in frames else "frame"
            with self.subTest(frame=each["name"]):
                self.assertEqual("rejected" if malformed else shown, each["stream"])

    def test_a_link_that_ends_inside_a_frame_does_not_disturb_the_next(self):
        frames, air = vectors.links()["keyed over rfcomm"], Air("rfcomm")
        air.play([*frames[:3], ("device", frames[3][1][:40])])
        air.play(frames)
        air.play([("beacon", b"\x42 noise"), ("beacon", frames[0][1])])
        air.play(frames)
        path = air.write("ended.snoop")
        self.assertEqual(types(path), names_of(frames[:3] + frames + frames))
        self.assertEqual(len(tshark.rows(path, ["frame.number"], "srup_link.malformed")), 1)

    def test_frames_out_of_order_or_from_the_wrong_end_are_marked(self):
        frames = vectors.links()["challenge over l2cap"]
        by_name = dict(zip(names_of(frames), frames))
        hello, ready, challenge, proof, outcome = (by_name[each] for each in ("HELLO", "READY", "CHALLENGE", "PROOF", "OUTCOME"))
        air = Air("l2cap")
        for wrong in (
            [hello, proof],
            [hello, challenge],
            [hello, ready, hello],
            [hello, ready, challenge, outcome, proof],
            [hello, ("beacon", ready[1])],
            [outcome],
            frames,
        ):
            air.play(wrong)
        rows = tshark.rows(air.write("order.snoop"), ["_ws.expert.message"], "srup_link.order")
        self.assertEqual([row[0] for row in rows], [
            "PROOF before CHALLENGE", "CHALLENGE before READY or CLAIM", "a second HELLO", "after OUTCOME", "from the wrong end",
        ])

    def test_valid_without_a_tag_is_marked_except_in_value_mode(self):
        frames, air = vectors.links()["challenge over l2cap"], Air("l2cap")
        air.play([*frames[:-1], ("beacon", frames[-1][1][:4] + bytes(32))])
        air.play(vectors.links()["value, valid"])
        self.assertEqual(len(tshark.rows(air.write("untagged.snoop"), ["frame.number"], "srup_link.untagged")), 1)


if __name__ == "__main__":
    unittest.main()
