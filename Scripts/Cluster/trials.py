"""Trials: a join during which something breaks at one step, and what became of it."""

import json
import time
from dataclasses import dataclass, field

from joins import Join, Watch
from page import Fault
from programs import wait_for


@dataclass
class Result:
    """What became of a join. `late`: seconds from the device's OUTCOME to the decision; None where one of them is missing."""

    name: str
    step: str
    outcome: str | None
    decision: str | None
    told: int | None
    late: float | None
    took: float | None
    doubled: bool
    contradicting: bool
    in_time: bool = True
    notes: list = field(default_factory=list)

    @property
    def is_lost(self):
        """The device did not join, or has not heard that it did."""
        return self.decision != "accepted" or self.told != 0x50

    @property
    def is_good(self):
        return not (self.is_lost or self.doubled or self.contradicting) and self.in_time

    def line(self):
        """For people."""
        late = "" if self.late is None else f", {self.late:.2f} s after OUTCOME"
        late += "" if self.took is None else f", {self.took:.2f} s in all"
        words = [f"{self.decision or 'no decision'}{late}"]
        words += ["the device has not been told"] if self.decision == "accepted" and self.told != 0x50 else []
        words += ["DECIDED TWICE"] if self.doubled else []
        words += ["CONTRADICTING"] if self.contradicting else []
        words += ["TOO LATE"] if not self.in_time else []
        return f"{'good ' if self.is_good else 'WRONG'}  {self.name}, {self.step}: {'; '.join(words + self.notes)}"


def play(site, name, step, breaks, number, device_at, beacon=None, within=None, repairs=None, limit=90):
    """A join of the device with this number, through the broker `device_at`, during which `breaks()` is called at this step. Afterwards
    `repairs()`, or all brokers are repaired. `within`: the most seconds from OUTCOME to the decision."""
    beacon, device = beacon or site.beacon_ids[0], site.device_ids[number]

    def at(reached):
        if reached == step:
            breaks()

    watch = Watch(site, device, at, limit)
    join = Join(site, device, device_at, beacon, at, limit)
    began = time.monotonic()
    watch.start()
    join.start()
    join.join(limit + 10)
    # An answer without a decision would be a fault as well.
    watch.join(max(0.0, 5 + began + limit - time.monotonic()) if join.status is None else 5)
    (repairs or site.brokers.repair)()
    return _judged(site, name, step, join, watch, within, began)


def _judged(site, name, step, join, watch, within, began):
    verdicts = set(site.verdicts(join.device))
    late = max(0.0, watch.decided_at - join.outcome_at) if watch.decided_at and join.outcome_at else None
    notes = [f"the device: {join.fault}"] if join.fault else []
    notes += [f"the beacon said {join.outcome}"] if join.outcome != "valid" else []
    return Result(
        name=name, step=step, outcome=join.outcome, decision=watch.decision, told=join.status, late=late,
        took=watch.decided_at - began if watch.decided_at else None,
        doubled=len(watch.all()) > 1,
        contradicting=len(verdicts) > 1 or (join.outcome == "valid" and watch.decision == "refused"),
        in_time=within is None or (late is not None and late <= within), notes=notes,
    )  # fmt: skip


def settle(site, beacon=None, at=None, limit=120):
    """Until the beacon is connected, to the broker `at` if one is named, and the server as well: a join without a fault is quick."""
    beacon = beacon or site.beacon_ids[0]

    def connected():
        state = site.status(beacon)["broker"]
        return state["state"] == "connected" and (at is None or state["address"].endswith(f":{site.brokers.ports[at]}"))

    try:
        wait_for(limit, connected, f"the beacon is connected to {at or 'a broker'}", 0.1)
    except Fault as fault:
        raise Fault(f"{fault}; {site.status(beacon)['broker']}; the brokers: {site.brokers.states()}") from None


def move(site, name, beacon=None):
    """The beacon goes to this broker: the other one is stopped for a moment."""
    beacon = beacon or site.beacon_ids[0]
    brokers = site.brokers
    for other in brokers.names:
        if other != name and site.broker_of(beacon) == other:
            brokers.programs[other].end()
            settle(site, beacon, name)
    brokers.repair()
    settle(site, beacon, name)


def summary(results):
    """The counts, and the times of what was accepted, as a dictionary."""
    took = [each.took for each in results if each.took is not None and each.decision == "accepted"]
    late = sorted(each.late for each in results if each.late is not None and each.decision == "accepted")
    return {
        "joins": len(results),
        "accepted": sum(each.decision == "accepted" for each in results),
        "lost": sum(each.is_lost for each in results),
        "contradicting": sum(each.contradicting for each in results),
        "doubled": sum(each.doubled for each in results),
        "late": sum(not each.in_time for each in results),
        "median_s": round(late[len(late) // 2], 2) if late else None,
        "worst_s": round(late[-1], 2) if late else None,
        "worst_took_s": round(max(took), 2) if took else None,
    }


def told(results):
    """One line of JSON for each result, for a file."""
    return "".join(json.dumps({**vars(each), "lost": each.is_lost, "good": each.is_good}) + "\n" for each in results)

