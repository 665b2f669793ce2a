#!/usr/bin/env python3
"""Tries Examples/C99/device.c against a real beacon, C2 server and broker: the SRUP half of each join is done here, from docs/protocol.md
alone, and the value goes to the program's standard input. Then against beacons that it must leave.

Usage: Scripts/Device/try-c.py PROGRAMS DEVICE

  PROGRAMS  the folder of srup-beacon and srup-bench
  DEVICE    the compiled device.c
"""

import concurrent.futures
import signal
import subprocess
import sys
import time
import uuid

sys.dont_write_bytecode = True
from bench_site import BEACON, DEVICES, KEYS, SERVER, Fault, Site, Subscriber, wait_for
from false_beacons import SAYS, VALUE, FalseBeacons
from srup_bytes import made, read, unsealed

OBS_JOIN_REQ, OBS_JOIN_RESP, RESPONSE = 0x0D, 0x0E, 0x02


class Join:
    """One observed join of a device. `beacon`: the one that the device looks for; `link`: where it looks for it."""

    def __init__(self, site, program, device, mode, beacon=BEACON, link=None):
        self.site, self.device, self.mode, self.name = site, device, mode, f"device-{device}-{mode}"
        self.subscriber = Subscriber(site, device, f"SRUP/{device}")
        key = site.folder / "keys" / f"{device}.key.pem"
        self.process = site.start(
            self.name, program, f"local:{link or site.link}", device, SERVER, beacon, key, mode, stdin=subprocess.PIPE, text=True
        )

    def ask(self):
        """Sends OBS_JOIN_REQ."""
        body = bytes.fromhex(BEACON)[::-1]
        frame = made(OBS_JOIN_REQ, int(time.time() * 1_000_000), self.device, str(uuid.uuid4()).encode(), body, KEYS[self.device])
        self.site.publish(self.device, f"SRUP/servers/{SERVER}/{self.device}", frame)

    def value(self):
        """The value that the server sends, as digits."""
        message = self.answer(OBS_JOIN_RESP)
        return unsealed(bytes.fromhex(message.fields()["sealed_hex"]), KEYS[self.device]).decode()

    def answer(self, kind, seconds=60):
        payload = self.subscriber.next(seconds, lambda _, payload: payload[1] == kind and read(payload).sender == SERVER)
        message = read(payload)
        if not message.is_signed_by(KEYS[SERVER]):
            raise Fault(f"{message.name} is not signed by the server")
        return message

    def give(self, value):
        self.process.stdin.write(value + "\n")
        self.process.stdin.flush()

    def said(self, text, seconds=20):
        wait_for(seconds, lambda: text in self.site.log(self.name), f'the device says "{text}"')

    def accepted(self):
        """The device ends with 0, and the server accepts it; in keyed mode it has checked the device's signature."""
        status = self.process.wait(60)
        if status != 0:
            raise Fault(f"the device ended with {status}")
        code = self.answer(RESPONSE).fields()["status"]
        if code != "50":
            raise Fault(f"the server answers {code}")
        signed = f"proof of {self.device} to {BEACON}: the device holds the value and signed with its key"
        if self.mode == "keyed" and signed not in self.site.log("c2"):
            raise Fault("the server has not said that the device has signed")


def known_before(site, program, device, mode):
    join = Join(site, program, device, mode)
    join.ask()
    join.give(join.value())
    join.accepted()


def late(site, program, device, mode):
    """The link is open, and holds, before the server is asked."""
    join = Join(site, program, device, mode)
    time.sleep(1)
    join.ask()
    value = join.value()
    time.sleep(0.5)
    join.give(value)
    join.accepted()
    if "left the link" in site.log(join.name):
        raise Fault("the device has left its first link")


def wrong_value(site, program, device, mode):
    join = Join(site, program, device, mode)
    join.ask()
    value = join.value()
    join.give(value[::-1])
    join.said("outcome 6e, which shows nothing")
    code = join.answer(RESPONSE, site.window + 30).fields()["status"]
    if code == "50" or join.process.poll() is not None:
        raise Fault(f"the server answers {code}, and the device ended with {join.process.poll()}")
    join.process.terminate()


def other_beacon(site, program, device, mode):
    join = Join(site, program, device, mode, beacon="2f0e1d2c3b4a5969")
    join.give("0" * 32)
    join.said("left the link: another beacon")
    join.process.terminate()


def false_beacons(site, program, device, mode):
    """The device leaves each of them, comes again, and believes the honest one alone."""
    beacons = FalseBeacons(site.folder / "false.link", device)
    join = Join(site, program, device, mode, link=site.folder / "false.link")
    join.give(VALUE.hex())
    status = join.process.wait(90)
    said = [line.removeprefix("device: ") for line in site.log(join.name).splitlines()]
    if status != 0 or said != SAYS or beacons.faults:
        raise Fault(f"the device ended with {status} and has said {said}; {beacons.faults}")


CASES = [
    ("keyed, the value known before the link", known_before, "keyed"),
    ("keyed, the value arrives while the link waits", late, "keyed"),
    ("challenge, the value arrives while the link waits", late, "challenge"),
    ("value mode", known_before, "value"),
    ("challenge with a wrong value: not accepted", wrong_value, "challenge"),
    ("a beacon that the join does not name: left", other_beacon, "either"),
    ("false beacons: left one after the other, until an honest one comes", false_beacons, "challenge"),
]


def tried(site, program, device, sentence, case, mode):
    """One case; whether it went as it must."""
    began = time.monotonic()
    try:
        case(site, program, device, mode)
        print(f"try-c: {sentence}: as it must be, {time.monotonic() - began:.1f} s", flush=True)
        return True
    except (Fault, OSError, subprocess.SubprocessError, AssertionError) as fault:
        logs = [f"--- {name}\n" + "\n".join(site.log(name).splitlines()[-10:]) for name in [f"device-{device}-{mode}", "c2", "beacon"]]
        print(f"try-c: {sentence}: WRONG: {fault}\n" + "\n".join(logs), flush=True)
        return False


def main():
    if len(sys.argv) != 3 or sys.argv[1].startswith("-"):
        print(__doc__)
        sys.exit(0 if sys.argv[1:] in (["-h"], ["--help"]) else 64)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started ends
    # At the same time: most of them wait for limits in seconds.
    with Site(sys.argv[1]) as site, concurrent.futures.ThreadPoolExecutor(len(CASES)) as pool:
        results = list(pool.map(lambda device, case: tried(site, sys.argv[2], device, *case), DEVICES, CASES))
    sys.exit(not all(results))


main()
