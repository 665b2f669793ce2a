"""The trials on a cluster of three brokers: the one at which the beacon is fails at each step of a join, by turns for several beacons."""

from brokers import SERVER
from joins import STEPS
from stage import GATEWAY
from trials import play, settle

HANG_FOUND = 15.0  # seconds from OUTCOME to the verdict at the server, where the beacon's broker hangs


class Clustered:
    """Plays the trials on this engine; each result goes to `tell` at once. `first` is the number of the first device: each joins once."""

    def __init__(self, site, engine, tell, first):
        self.site, self.engine, self.tell, self.number = site, engine, tell, first
        #: Called when the first beacon is connected.
        self.started = lambda: None

    def begin(self):
        site = self.site
        folder = site.folder / self.engine.__name__
        site.start(self.engine(folder, site.network, site.clients, [SERVER, GATEWAY]), self.engine.names)
        # Not all at the same broker, whichever the beacons choose.
        for turn, beacon in enumerate(site.beacon_ids):
            names = self.engine.names
            site.start_beacon(beacon, names[turn % 3 :] + names[: turn % 3])
        self.started()

    def play(self, kind, turn, step):
        """The beacon whose turn it is; the device is at another broker."""
        site, brokers = self.site, self.site.brokers
        beacon = site.beacon_ids[turn % len(site.beacon_ids)]
        victim = site.broker_of(beacon)
        other = next(name for name in brokers.names[turn % 3 :] + brokers.names if name != victim)
        breaks = {"is killed": brokers.kill, "hangs": brokers.hang}[kind]
        name = f"{self.engine.title}: the beacon's {kind}"
        within = HANG_FOUND if kind == "hangs" else None
        result = play(site, name, step, lambda: breaks(victim), self.number, other, beacon=beacon, within=within)
        self.number += 1
        self.tell(result)
        for each in site.beacon_ids:
            settle(site, each)

    def run(self, kills, hangs):
        """So many of each, at the steps in turn."""
        self.begin()
        for turn in range(kills):
            self.play("is killed", turn, STEPS[(turn + turn // len(STEPS)) % len(STEPS)])
        for turn in range(hangs):
            self.play("hangs", turn, STEPS[turn % len(STEPS)])
        self.site.end()
