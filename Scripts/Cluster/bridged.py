"""The trials on two mosquittos with a bridge. The server is at A, and so is the device; the beacon is at B, until that fails."""

import threading
import time

from brokers import Mosquittos
from joins import STEPS, Join
from page import Fault
from programs import wait_for
from trials import move, play, settle

VISITED = 12.0  # seconds from the first connection until a beacon has visited the brokers that it does not use, with some to spare
BEACON_FINDS_OUT = 15.0  # seconds from OUTCOME to the verdict at the server, where the beacon's broker hangs


class Bridged:
    """Plays the trials; each result goes to `tell` at once. `number` counts the devices: each joins once."""

    def __init__(self, site, tell):
        self.site, self.tell, self.number, self.spare = site, tell, 0, 1
        #: Called when the first beacon is connected.
        self.started = lambda: None

    def _next_device(self):
        self.number += 1
        return self.number - 1

    def play(self, name, step, breaks, device_at="A", **options):
        result = play(self.site, name, step, breaks, self._next_device(), device_at, **options)
        self.tell(result)
        return result

    # --- What breaks -------------------------------------------------------------------------------------------------

    def killed(self, step):
        move(self.site, "B")
        self.play("B is killed", step, lambda: self.site.brokers.kill("B"))

    def hung(self, step):
        """The beacon starts again: after a broker that hung, it gives the next one more time until a connection has lasted."""
        beacon = self.site.beacon_ids[0]
        program = self.site.beacons[beacon]
        program.end()
        before = program.length
        self.site.start_beacon(beacon, ["B", "A"])
        wait_for(60, lambda: "connected to the broker" in self.site.beacons[beacon].text(before), f"{beacon} is connected")
        move(self.site, "B")
        self.play("B hangs", step, lambda: self.site.brokers.hang("B"), within=BEACON_FINDS_OUT)

    def cut(self, step):
        """The bridge fails for 5 s, and nothing else."""
        move(self.site, "B")
        self.play("the bridge is cut for 5 s", step, lambda: self._cut_for(5))

    def _cut_for(self, seconds):
        bridge = self.site.brokers.bridge
        bridge.cut()
        threading.Timer(seconds, bridge.restore).start()

    def cut_and_moved(self, step, saves):
        """The bridge is cut, and B is killed: what B had acknowledged is not passed on. The beacon goes to A and answers another request
        there; then B and the bridge come back, with what B had, or without."""
        move(self.site, "B")
        name = f"the bridge is cut, B is killed {'and keeps its sessions' if saves else 'and loses its sessions'}, the beacon moves"
        other = self._next_device()
        moved = []
        mover = threading.Thread(target=self._move, args=(other, moved), daemon=True)

        def breaks():
            self.site.brokers.bridge.cut()
            mover.start()

        def repairs():
            if mover.ident is not None:
                mover.join(90)
            self.site.brokers.repair()
            time.sleep(3)  # what B still has is passed on

        self.play(name, step, breaks, repairs=repairs)
        if mover.ident is None:
            return  # the step was not reached: the join has failed, and was told
        if not moved:
            raise Fault(f"{name}, {step}: the second join has not come to its end")
        for result in moved:
            if isinstance(result, BaseException):
                raise result
            self.tell(result)

    def _move(self, other, moved):
        """Adds the result of the join at A to `moved`, or what has gone wrong here."""
        time.sleep(1)
        try:
            self.site.brokers.kill("B")
            settle(self.site, at="A", limit=30)
            name = "a join at A, after the beacon has moved"
            moved.append(play(self.site, name, "no step", lambda: None, other, "A", repairs=lambda: None, limit=30))
        except BaseException as fault:
            moved.append(fault)
        finally:
            self.site.brokers.repair()

    def never_visited(self):
        """A beacon that has used B only, since its start. It is busy for a moment while B is killed and the request is published at A."""
        beacon = self.site.beacon_ids[self.spare]
        self.spare += 1
        self.site.start_beacon(beacon, ["B", "A"])
        assert self.site.broker_of(beacon) == "B", "the first broker of the list is tried first"
        time.sleep(VISITED)
        program = self.site.beacons[beacon]

        def breaks():
            program.hang()
            threading.Timer(3, program.resume).start()
            self.site.brokers.kill("B")

        self.play("B is killed, A has never been used", "before the request", breaks, beacon=beacon)
        program.end()

    def server_moves(self, step, how):
        """A, where the server is, is killed or hangs; the device is at B."""
        breaks = {"killed": self.site.brokers.kill, "hung": self.site.brokers.hang}[how]
        move(self.site, "B")
        self.play(f"A, the server's, is {how}", step, lambda: breaks("A"), device_at="B")
        settle(self.site)
        wait_for(60, self._server_answers, "the server answers again")

    def _server_answers(self):
        other = self._next_device()
        join = Join(self.site, self.site.device_ids[other], "B", limit=20)
        join.start()
        join.join(25)
        return join.status == 0x50

    # --- Which ones --------------------------------------------------------------------------------------------------

    def begin(self, saves, server_at=("A",)):
        self.site.start(Mosquittos(self.site.folder / f"mosquittos-{self.number}", self.site.network, saves), server_at)
        self.site.start_beacon(self.site.beacon_ids[0], ["B", "A"])
        self.started()

    def short(self):
        """One of each kind."""
        self.begin(saves=False)
        self.never_visited()
        self.killed("after the proof")
        self.hung("after the proof")
        self.cut_and_moved("before the proof", saves=False)
        self.site.end()

    def long(self):
        """Each at each step."""
        for saves in (True, False):
            self.begin(saves)
            self.never_visited()
            for step in STEPS:
                self.killed(step)
                self.hung(step)
                self.cut(step)
                self.cut_and_moved(step, saves)
            self.site.end()
        self.begin(True, ("A", "B"))
        for step in STEPS:
            for how in ("killed", "hung"):
                self.server_moves(step, how)
        self.site.end()
