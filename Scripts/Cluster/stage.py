"""A site with several brokers on this machine's loopback interface: keys, certificates, a C2 server and beacons with a local link."""

import json
import pathlib
import re
import subprocess
import time

from brokers import BRIDGE, FIRST_BEACON, SERVER
from page import PROJECT, Fault, block, filled
from programs import Program, wait_for
from srup_device.keys import load_public_key


#: Of the client that may use the topics of every device, under any client id.
GATEWAY = "10ad000000000001"
FIRST_DEVICE = 0xDE00000000000000
DECISION = re.compile(r"observed join of (\w+) by \w+: (\w+)")


def beacon_id(number):
    """Of the beacon with this number, from 0 on."""
    return f"{int(FIRST_BEACON, 16) + number:x}"


def device_id(number):
    """Of the device with this number, from 0 on."""
    return f"{FIRST_DEVICE + number:x}"


class Site:
    """The folder, with the keys and certificates of so many beacons and devices; `programs` is where srup-beacon and srup-bench are. The
    first `connecting` devices have a certificate of their own; a client of all the others can be GATEWAY. Use it in a `with`: all that was
    started ends with it. `window`: the time for an observation at beacons and server, in seconds."""

    def __init__(self, folder, programs, beacons, devices, connecting, window=60):
        self.folder, self.programs, self.window = pathlib.Path(folder), pathlib.Path(programs), window
        self.network, self.keys = self.folder / "net", self.folder / "keys"
        self.beacons, self.server, self.brokers = {}, None, None
        self.beacon_ids = [beacon_id(number) for number in range(beacons)]
        self.device_ids = [device_id(number) for number in range(connecting)]
        ids = [option for beacon in self.beacon_ids for option in ("--beacon", beacon)]
        ids += [option for device in self.device_ids for option in ("--device", device)]
        self.run(PROJECT / "Scripts" / "broker", "make", self.network, "--c2", SERVER, "--c2", BRIDGE, "--load", GATEWAY, *ids)
        for nodes in ([SERVER], ["--devices", str(max(beacons, 2)), FIRST_BEACON], ["--devices", str(devices), device_id(0)]):
            self.run(self.programs / "srup-bench", "keys", "--out", self.keys, "--bits", "2048", *nodes)
        self.server_key = load_public_key(self.keys / f"{SERVER}.pub.pem")

    def run(self, *command):
        """A command, to its end. Raises Fault if it fails."""
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise Fault(f"{command[0]} ended with {done.returncode}: {done.stdout[-600:]}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """What was started, in the opposite order."""
        for program in [*self.beacons.values(), self.server]:
            if program is not None:
                program.end()
        if self.brokers is not None:
            self.brokers.end()
        self.beacons, self.server, self.brokers = {}, None, None

    @property
    def clients(self):
        """Who connects with a certificate of its own and has its own topics only."""
        return self.beacon_ids + self.device_ids

    def start(self, brokers, server_at):
        """The brokers, and a server that uses those named."""
        self.brokers = brokers
        brokers.start()
        self.start_server(server_at)

    def start_server(self, names, *options, keyring=None, limit=60):
        """srup-bench c2, until it is ready; the seconds that took."""
        began, log = time.monotonic(), self.folder / "c2.log"
        since = log.stat().st_size if log.exists() else 0
        self.server = Program(self.server_command(names, keyring or self.keys) + list(options), log)
        wait_for(limit, lambda: re.search("^c2: ready", self.server.text(since), re.M), "the C2 server is ready", 0.01)
        return time.monotonic() - began

    def server_command(self, names, keyring):
        certificate = ["--cert", self.network / f"{SERVER}.cert.pem", "--tls-key", self.network / f"{SERVER}.tls.key"]
        observers = [option for beacon in self.beacon_ids for option in ("--observer", beacon)]
        at = [option for name in names for option in ("--broker", self.brokers.address(name))]
        return [
            self.programs / "srup-bench", "c2", "--id", SERVER, "--key", self.keys / f"{SERVER}.key.pem", "--keyring", keyring,
            *at, "--ca", self.network / "ca.pem", *certificate, "--window", str(self.window + 10),
            "--state", self.folder / "c2.state", "--trace", self.folder / "c2.trace", *observers,
        ]  # fmt: skip

    def configure(self, beacon, names, *sections):
        """The beacon's configuration, with these brokers in this order; its path."""
        folder = self.folder / beacon
        (folder / "state").mkdir(mode=0o700, parents=True, exist_ok=True)
        name = "cluster.conf" if self.brokers.is_cluster else "bridged.conf"
        addresses = re.search(r"^address = (.*)$", block(name), re.M)[1]
        values = {
            addresses: ", ".join(self.brokers.address(one) for one in names),
            "/etc/srup-beacon/ca.pem": self.network / "ca.pem",
            "/etc/srup-beacon/client.cert.pem": self.network / f"{beacon}.cert.pem",
            "/etc/srup-beacon/client.key.pem": self.network / f"{beacon}.tls.key",
        }
        file = folder / "beacon.conf"
        file.write_text(
            f"[beacon]\nidentity = {beacon}\nkey = {self.keys}/{beacon}.key.pem\nstate = {folder}/state\n"
            + filled(name, values)
            + f"[server {SERVER}]\nkey = {self.keys}/{SERVER}.pub.pem\n[observation]\nwindow = {self.window}\n"
            + f"[link]\nrfcomm = off\nl2cap = off\nle = off\nlocal = {self.link(beacon)}\nlinks = 64\nlinks-per-peer = 64\n"
            + "".join(sections)
        )
        return file

    def link(self, beacon):
        """The path of the beacon's link."""
        return self.folder / beacon / "link"

    def start_beacon(self, beacon, names, limit=60):
        """Until it is a member."""
        file = self.configure(beacon, names)
        self.beacons[beacon] = Program([self.programs / "srup-beacon", "run", "--config", file], self.folder / beacon / "log")
        self.wait_for_member(beacon, limit)

    def members(self):
        """How many beacons the server has let join."""
        return len(set(re.findall(r"^c2: join of (\w+): accepted", self.server.text(), re.M)))

    def wait_for_member(self, beacon, limit=60):
        wait_for(limit, lambda: f"join of {beacon}: accepted" in self.server.text(), f"{beacon} is a member")

    def broker_of(self, beacon):
        """The name of the broker that the beacon has connected to last."""
        return self.brokers.name_at(re.findall(r"connected to the broker (\S+)", self.beacons[beacon].text())[-1])

    def decisions(self, device, since=0):
        """How the server has decided the device's joins: accepted, refused or failed, in order."""
        return [how for who, how in DECISION.findall(self.server.text(since)) if who == device]

    def verdicts(self, device):
        """The statuses of all answers of beacons about this device that have reached the server, also of those that it has refused."""
        tokens, statuses = set(), []
        with open(self.folder / "c2.trace") as file:
            for line in file:
                message = json.loads(line)
                if message["name"] == "OBSERVE_REQ" and int(message["device"], 16) == int(device, 16):
                    tokens.add(message["token"])
                elif message["name"] == "RESPONSE" and message["from"] == "beacon" and message["token"] in tokens:
                    statuses.append(message["detail"])
        return statuses

    def status(self, beacon):
        """What srup-beacon status tells, as JSON. Raises Fault if it does not answer."""
        command = [self.programs / "srup-beacon", "status", "--json", "--config", self.folder / beacon / "beacon.conf"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        if done.returncode:
            raise Fault(f"{beacon} does not answer: {done.stderr.strip()}")
        return json.loads(done.stdout)
