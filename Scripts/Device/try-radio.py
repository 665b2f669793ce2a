#!/usr/bin/env python3
"""Lets the devices in Python (Examples/Python) and C99 (Examples/C99/device.c) join over RFCOMM, L2CAP and LE, with the real programs, in one
virtual machine with two linked virtual controllers (Scripts/lab). Each device joins over each transport, as a device of its own; between them
they use both modes that are on by default. The C device has no MQTT: the Python device asks the server in its place, opens the value, and
gives it to the C device's standard input.

Usage: Scripts/Device/try-radio.py PROGRAMS [--rounds N]

  PROGRAMS   the folder of srup-beacon and srup-bench
  --rounds   how often each of them joins over each transport, in the other mode each time: 1

Takes about a minute. Exit status 1 if a join was not as it must be.
"""

import argparse
import contextlib
import io
import itertools
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from bench_site import BEACON, DEVICES, PROJECT, SERVER, Fault, Site, wait_for

THEIRS, OURS = "00:AA:01:00:00:00", "00:AA:01:01:00:01"  # the first two adapters of the lab (docs/lab.md)
TRANSPORTS = ["rfcomm", "l2cap", "le"]
MODES = ["keyed", "challenge"]
TIME_LIMIT = 600  # of the virtual machine, seconds


class Child:
    """The C device in the place of the Python device's Prover."""

    def __init__(self, site, device, address, mode):
        self.fault, self.is_proving, self.process = None, False, None
        key = site.folder / "keys" / f"{device}.key.pem"
        self.start_process = lambda: site.start(
            f"device-{device}", site.folder / "device", address, device, SERVER, BEACON, key, mode, OURS, stdin=subprocess.PIPE, text=True
        )

    def start(self):
        self.process = self.start_process()

    def is_alive(self):
        return self.process is not None

    def give(self, value):
        self.process.stdin.write(value.hex() + "\n")
        self.process.stdin.flush()

    def stop(self):
        self.status = self.process.wait(30)
        self.process.stdin.close()


def options(site, device, *more):
    """The Python device's options for a join."""
    return [str(word) for word in ["join", *site.node(device), "--server", SERVER, "--server-key", site.folder / "keys" / f"{SERVER}.pub.pem",
            "--state", site.folder / f"state-{device}", "--timeout", "90", "--observer", BEACON, *more]]  # fmt: skip


def python_device(site, device, address, mode):
    from srup_device import cli

    status = cli.main(options(site, device, "--link", address, "--adapter", OURS, "--mode", mode))
    if status != 0:
        raise Fault(f"the device ended with {status}")


def c_device(site, device, address, mode):
    from srup_device import cli

    child = Child(site, device, address, mode)
    with cli.Session(cli._parser().parse_args(options(site, device, "--link", address))) as session:
        outcome = session.device.join("observed", 90, int(BEACON, 16), child)
    if (outcome, child.status) != ("joined", 0):
        raise Fault(f"{outcome}, and the device ended with {child.status}")
    if "outcome 60, with the value's tag" not in site.log(f"device-{device}"):
        raise Fault("the device has not seen that the beacon holds the value")


def check(site, before, device, transport, mode):
    """What beacon and server have said of the join that is over, after so many characters of their logs."""
    over = f"ended valid with {transport} {OURS} as {device}"
    wait_for(20, lambda: over in site.log("beacon")[before["beacon"] :], f'the beacon says "{over}"')
    server = site.log("c2")[before["c2"] :]
    signed = f"proof of {device} to {BEACON}: the device holds the value and signed with its key"
    if (signed in server) != (mode == "keyed"):
        raise Fault(f"the server has {'not ' if mode == 'keyed' else ''}said that the device has signed")


def joins(rounds):
    """A name, the function, transport and mode of each join."""
    for number in range(rounds):
        for at, transport in enumerate(TRANSPORTS):
            yield "Python", python_device, transport, MODES[(number + at) % 2]
            yield "C99", c_device, transport, MODES[(number + at + 1) % 2]


def inside(programs, folder, rounds):
    """In the virtual machine; true if all was as it must be."""
    sys.path.insert(0, str(PROJECT / "Examples" / "Python"))
    wrong = 0
    with Site(programs, radio=THEIRS, folder=folder) as site:
        print(f"try-radio: broker, C2 server and beacon run, {time.monotonic():.0f} s after the machine's start", flush=True)
        for device, (name, run, transport, mode) in zip(itertools.cycle(DEVICES), joins(rounds)):
            began, said = time.monotonic(), io.StringIO()
            before = {log: len(site.log(log)) for log in ["beacon", "c2"]}
            try:
                with contextlib.redirect_stdout(said):
                    run(site, device, f"{transport}:{THEIRS}", mode)
                check(site, before, device, transport, mode)
                print(f"try-radio: {name}, {transport}, {mode}: joined, {time.monotonic() - began:.1f} s", flush=True)
            except Exception as fault:
                wrong += 1
                print(f"try-radio: {name}, {transport}, {mode}: WRONG: {type(fault).__name__}: {fault}\n--- device\n{said.getvalue()}", flush=True)
                for log in [f"device-{device}", "c2", "beacon"]:
                    print(f"--- {log}\n" + "\n".join(site.log(log).splitlines()[-10:]), flush=True)
    return wrong == 0


def outside(programs, rounds):
    """Makes keys, certificates and the C device, which takes long in the virtual machine, and runs the rest in it; its exit status."""
    packages = ["g++", "libc6-dev", "libssl-dev", "openssl", "mosquitto", "mosquitto-clients", "python3-cryptography", "python3-paho-mqtt"]
    subprocess.run([PROJECT / "Scripts" / "setup", *packages], check=True)
    site = Site(programs, radio=THEIRS)
    try:
        site.make()
        warnings = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror", "-O2"]
        subprocess.run(["gcc", *warnings, "-o", site.folder / "device", PROJECT / "Examples/C99/device.c", "-lcrypto"], check=True)
        lab = [PROJECT / "Scripts" / "lab", "--time", str(TIME_LIMIT), "--"]
        me = ["/usr/bin/python3", __file__, site.programs, "--rounds", str(rounds), "--folder", site.folder]
        return subprocess.run([*lab, *me], env={**os.environ, "SRUP_BIN": str(site.programs)}).returncode
    finally:
        site.remove()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started ends
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    if sys.argv[1:] in ([], ["-h"], ["--help"]):
        print(__doc__)
        sys.exit(0 if sys.argv[1:] else 64)
    given = parser.parse_args()
    if given.folder is None:
        sys.exit(outside(given.programs.resolve(), given.rounds))
    sys.exit(0 if inside(given.programs, given.folder, given.rounds) else 1)


main()
