import io
import unittest
from unittest import mock

from srup_device import link_driver

RESET = (
    "reset device=a1a2a3a4a5a6a7a8 server=c200000000000001 beacon=0102030405060708 transport=0 modes=2 "
    f"nonce={bytes(range(0x40, 0x60)).hex()} size=132 sign=digest:256"
)
HELLO = "01001a01020102030405060708" + bytes(range(0x10, 0x20)).hex()
CHALLENGE = "040020" + bytes(range(0x20, 0x40)).hex()
READY = "02000902a1a2a3a4a5a6a7a8"
PROOF = "050040" + bytes(range(0x40, 0x60)).hex() + "d0e75ea00336a77696b24eec389d0ea99f93fed708238b08d35a27606f65669d"
OUTCOME = "07002160" + "2b54f48b537df2d7210fd0d33e6774c2dd3e21cfb20e71a6f931d23b6138ff76"


def driven(*lines):
    """What the driver prints for these lines."""
    with mock.patch("sys.stdin", io.StringIO("\n".join(lines))), mock.patch("sys.stdout", io.StringIO()) as printed:
        link_driver.main()
    return printed.getvalue().splitlines()


class Driver(unittest.TestCase):
    def test_it_runs_the_link_of_the_specification(self):
        self.assertEqual(
            driven(RESET, f"value {bytes(range(16)).hex()}", f"feed {HELLO}{CHALLENGE}", f"feed {OUTCOME}"),
            [
                "state hello waits=0 seconds=0",
                "state hello waits=0 seconds=0",
                f"send {READY}",
                f"send {PROOF}",
                "state proving waits=0 seconds=0",
                "state ended 60 tagged waits=0 seconds=0",
            ],
        )

    def test_it_counts_the_waits_that_may_come(self):
        printed = driven(RESET, f"feed {HELLO}03000200780300020005", "feed 0a")
        self.assertEqual(printed[1:], [f"send {READY}", "state ready waits=2 seconds=5", "state left malformed waits=2 seconds=5"])

    def test_a_command_that_cannot_be_read_changes_nothing(self):
        for line in ("", "feed", "feed 0", "feed zz", "value 00", "value -", "stop", "reset", RESET.replace("modes=2", "modes=3")):
            with self.subTest(line):
                self.assertEqual(driven(RESET, line, "feed -")[1:], ["error", "state hello waits=0 seconds=0"])
