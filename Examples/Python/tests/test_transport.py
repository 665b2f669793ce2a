import struct
import tempfile
import unittest
from unittest import mock

from srup_device import transport
from srup_device.transport import Address, parse, socket_address


class Addresses(unittest.TestCase):
    def test_each_kind_of_address_is_read(self):
        place = bytes.fromhex("00aa01010001")
        self.assertEqual(parse("local:/run/beacon/link"), Address("local", path="/run/beacon/link"))
        self.assertEqual(parse("rfcomm:00:AA:01:01:00:01"), Address("rfcomm", bluetooth=place, number=21))
        self.assertEqual(parse("rfcomm:00:AA:01:01:00:01/3"), Address("rfcomm", bluetooth=place, number=3))
        self.assertEqual(parse("l2cap:00:aa:01:01:00:01"), Address("l2cap", bluetooth=place, number=0x1035))
        self.assertEqual(parse("le:00:AA:01:01:00:01/0xd7"), Address("le", bluetooth=place, number=0xD7))
        self.assertEqual(parse("le-random:00:AA:01:01:00:01").transport, "le")

    def test_what_is_not_an_address_is_refused(self):
        for text in (
            "", "local:", "le", "le:", "tcp:1.2.3.4", "le:00:AA:01:01:00", "le:00:AA:01:01:00:0g", "rfcomm:00:AA:01:01:00:01/31",
            "rfcomm:00:AA:01:01:00:01/0", "le:00:AA:01:01:00:01/", "le:00:AA:01:01:00:01/+5", "le:00:AA:01:01:00:01/0x10000",
            "le:00:AA:01:01:00:01/99999", "local:" + "a" * 108,
        ):  # fmt: skip
            self.assertRaises(ValueError, parse, text)

    def test_packet_sizes_are_what_the_kernel_says(self):
        options = {(6, 1): struct.pack("=HHHBBBH", 672, 48, 0, 0, 0, 0, 0), (274, 12): b"\x43\0", (274, 13): b"\x24\0"}
        made = mock.Mock(getsockopt=lambda level, option, _: options[level, option])
        self.assertEqual(transport.packet_sizes(made, "l2cap"), (672, 48))
        self.assertEqual(transport.packet_sizes(made, "le"), (0x43, 0x24))
        self.assertIsNone(transport.packet_sizes(made, "rfcomm"))
        self.assertIsNone(transport.packet_sizes(mock.Mock(getsockopt=mock.Mock(side_effect=OSError)), "le"))

    def test_socket_addresses_have_the_kernels_form(self):
        place = "00:AA:01:02:03:04"
        self.assertEqual(socket_address(parse(f"rfcomm:{place}")).hex(), "1f00" "04030201aa00" "15" "00")
        self.assertEqual(socket_address(parse(f"l2cap:{place}")).hex(), "1f00" "3510" "04030201aa00" "0000" "00" "00")
        self.assertEqual(socket_address(parse(f"le:{place}")).hex(), "1f00" "d500" "04030201aa00" "0000" "01" "00")
        self.assertEqual(socket_address(parse(f"le-random:{place}/0x80")).hex(), "1f00" "8000" "04030201aa00" "0000" "02" "00")

    def test_a_beacon_that_is_not_there_may_come_later(self):
        with tempfile.TemporaryDirectory() as folder, self.assertRaises(OSError) as error:
            transport.connect(parse(f"local:{folder}/link"))
        self.assertIn(error.exception.errno, transport.MAY_PASS)
