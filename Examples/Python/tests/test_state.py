import tempfile
import unittest
from pathlib import Path
from unittest import mock

from srup_device.keys import Fault
from srup_device.messages import Refused
from srup_device.state import EARLIEST_CLOCK, HIGHEST, STEP, State, clock


class Clock(unittest.TestCase):
    def test_a_first_id_is_the_clock_in_microseconds(self):
        self.assertEqual(clock(0, EARLIEST_CLOCK + 5), (EARLIEST_CLOCK + 5) * 1_000_000)

    def test_a_wrong_clock_gives_no_id(self):
        begins = EARLIEST_CLOCK + 1_000_000
        for now in (0, EARLIEST_CLOCK - 1, begins - 1, begins + 21 * 366 * 86_400):
            self.assertRaises(Fault, clock, begins, now)


class States(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        patch = mock.patch("srup_device.state.clock", lambda *_: 5_000_000)
        self.clock = patch.start()
        self.addCleanup(patch.stop)

    def state(self, floor=None, server=0xC2):
        return State(self.folder / "state", 0xD1, server, self.folder / "key.pem", floor=floor)

    def test_ids_begin_at_the_clock_and_go_on_after_a_restart(self):
        with self.state() as state:
            first = state.next_sequence()
            self.assertEqual(first, 5_000_000 + STEP)
        with self.state() as state:
            self.assertGreater(state.next_sequence(), first)

    def test_an_id_is_on_disk_before_it_is_given_out(self):
        with self.state() as state, mock.patch.object(State, "_write", side_effect=OSError):
            self.assertRaises(OSError, state.next_sequence)

    def test_an_id_is_sixteen_above_what_either_end_has_used(self):
        with self.state() as state:
            state.accept(9_000_000)
            self.assertEqual(state.next_sequence(), 9_000_000 + STEP)

    def test_an_old_id_and_one_that_leaves_no_room_are_refused(self):
        with self.state() as state:
            state.accept(7)
            for sequence in (0, 6, 7, HIGHEST + 1, 2**64 - 1):
                self.assertRaises(Refused, state.accept, sequence)
        with self.state() as state:
            self.assertRaises(Refused, state.check, 7)
            state.check(8)

    def test_membership_survives_a_restart_together_with_the_id_that_brought_it(self):
        with self.state() as state:
            state.accept(7, "member")
        with self.state() as state:
            self.assertEqual((state.accepted, state.membership, state.is_lost), (7, "member", False))

    def test_a_loss_is_noticed_by_the_mark_beside_the_key(self):
        with self.state() as state:
            self.assertFalse(state.is_lost)
            state.next_sequence()
            state.file.unlink()
        with self.state() as state:
            self.assertTrue(state.is_lost)
            self.assertEqual(state.next_sequence(), 5_000_000 + STEP)

    def test_a_run_that_has_sent_nothing_and_a_new_server_are_no_loss(self):
        self.state().__exit__()
        for server in (0xC2, 0xC3, 0xC3, 0xC2):
            with self.state(server=server) as state:
                self.assertFalse(state.is_lost)
        state.file.unlink()
        with self.state() as state:
            self.assertTrue(state.is_lost)
        with self.state(server=0xC3) as state:
            self.assertFalse(state.is_lost)

    def test_two_processes_do_not_share_a_state(self):
        with self.state():
            self.assertRaises(Fault, self.state)
        self.state().__exit__()

    def test_a_damaged_file_is_a_fault(self):
        with self.state() as state:
            state.next_sequence()
        whole = '{"sent": %s, "accepted": 0, "membership": "member"}'
        for text in ("", "[]", "{}", whole % "-1", whole % '"1"', whole % "true", whole % "1e3"):
            state.file.write_text(text)
            self.assertRaisesRegex(Fault, "damaged", self.state)

    def test_the_files_are_for_their_owner(self):
        with self.state() as state:
            state.next_sequence()
            self.assertEqual(state.file.stat().st_mode & 0o777, 0o600)
            self.assertEqual(state.folder.stat().st_mode & 0o777, 0o700)

    def test_a_floor_raises_the_next_id_once(self):
        with self.state(floor=1 << 52) as state:
            self.assertEqual(state.next_sequence(), 1 << 52)
            self.assertEqual(state.next_sequence(), (1 << 52) + STEP)
