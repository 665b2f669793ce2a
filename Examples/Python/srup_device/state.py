"""What must survive a restart: sequence ids and the membership of one server (docs/protocol.md, section 4; decision 25)."""

import fcntl
import json
import os
import time
from pathlib import Path

from .keys import Fault, read_file, write_file
from .messages import Refused, topic_form

STEP = 16  # tolerates messages that cross
HIGHEST = 2**64 - 1 - 2**32  # one accepted message above it would leave no room for any other
EARLIEST_CLOCK = 1_793_491_200  # 2026-11-01, when this program was made
LONGEST_LIFE = 20 * 366 * 86_400


def clock(certificate_begins=0, now=None):
    """The clock in microseconds since 1970, for a first sequence id. `certificate_begins`: its *not before*, in seconds since 1970.

    Raises Fault where the clock is certainly wrong: a first id in 1970 is below ids used before, one in 2099 above all that follow.
    """
    now = time.time() if now is None else now
    earliest = max(EARLIEST_CLOCK, certificate_begins)
    if not earliest <= now <= earliest + LONGEST_LIFE:
        raise Fault("this machine's clock is wrong, and no earlier sequence id is known", "set the clock, or --sequence")
    return int(now * 1_000_000)


class State:
    """The state of one identity towards one server, in a folder. Use it as a context: it holds a lock.

    sent        the last id that was given out: it is on disk before the message leaves
    accepted    the last id that was accepted from the server; None: lost, so that old messages could be replayed
    membership  stranger, member, resigned or terminated

    The mark beside the identity key says that there was a state for this server: without it, a loss would look like a first start.
    """

    def __init__(self, folder, identity, server, key_file, certificate_begins=0, floor=None):
        self.folder, self.floor, self.certificate_begins = Path(folder), floor, certificate_begins
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise Fault(f"{folder} is in use by another process", "end it, or wait for it") from None
        try:
            self._open(identity, server, Path(f"{key_file}.used"))
        except BaseException:
            os.close(self._lock)
            raise

    def _open(self, identity, server, mark):
        name = f"{topic_form(identity)}-{topic_form(server)}"
        self.file = self.folder / f"{name}.json"
        marked = mark.read_text().split() if mark.exists() else []
        self.sent, self.accepted, self.membership = None, None if name in marked else 0, "stranger"
        if self.file.exists():
            self._read()
        elif name not in marked:
            self._write()  # before the mark: a first run that ends here has lost nothing
        if name not in marked:
            write_file(mark, "\n".join([*marked, name, ""]).encode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._lock)

    @property
    def is_lost(self):
        """Whether the server's last id is not known, although there may be one."""
        return self.accepted is None

    def next_sequence(self):
        """The id of the next message. It is on disk before this returns, so that no id is ever used twice."""
        sent = self.sent
        if sent is None:
            sent = clock(self.certificate_begins) if self.floor is None else 0
        sequence = max(sent, self.accepted or 0) + STEP
        if self.floor is not None:
            sequence, self.floor = max(sequence, self.floor), None
        if sequence > HIGHEST:
            raise Fault("the sequence ids are used up", "enrol as a new device")
        self.sent = sequence
        self._write()
        return sequence

    def begin_at_clock(self):
        """The server does not answer, perhaps because it knows higher ids than this state, an old copy: go on above the clock."""
        self.sent = max(self.sent or 0, clock(self.certificate_begins))

    def check(self, sequence):
        """Raises Refused if a message with this id is old, or leaves no room."""
        if sequence <= (self.accepted or 0):
            raise Refused(f"sequence id {sequence} is not above {self.accepted}")
        if sequence > HIGHEST:
            raise Refused(f"sequence id {sequence} is too high")

    def accept(self, sequence, membership=None):
        """Stores the id of a message that has passed every check, together with what it changes."""
        self.check(sequence)
        self.accepted = sequence
        self.membership = membership or self.membership
        self._write()

    def _read(self):
        hint = "remove it: the device then begins at its clock, and joins again"
        try:
            stored = json.loads(read_file(self.file))
            self.sent, self.accepted = stored["sent"], stored["accepted"]
            self.membership = stored["membership"]
        except (ValueError, KeyError, TypeError):
            raise Fault(f"{self.file} is damaged", hint) from None
        numbers = [number for number in (self.sent, self.accepted) if number is not None]
        if not all(type(number) is int and 0 <= number <= HIGHEST for number in numbers):
            raise Fault(f"{self.file} is damaged", hint)

    def _write(self):
        stored = {"sent": self.sent, "accepted": self.accepted, "membership": self.membership}
        write_file(self.file, json.dumps(stored).encode())
