"""A broker, a C2 server and a beacon on this machine's loopback interface, with the test keys of Tests/Vectors, for trying devices: in a
folder that goes with them. Needs mosquitto and its clients, and the openssl command."""

import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time

PROJECT = pathlib.Path(__file__).resolve().parent.parent.parent
VECTORS = PROJECT / "Tests" / "Vectors"
sys.path.insert(0, str(VECTORS))

SERVER, BEACON = "9a8b7c6d5e4f3021", "2f0e1d2c3b4a5968"
DEVICES = [f"5f1e2d3c4b5a69{number:02x}" for number in range(0x78, 0x80)]
KEYS = {SERVER: "c2_2048", BEACON: "obs_2048", **{device: "dev_2048" for device in DEVICES}}


class Fault(Exception):
    """Something did not go as it must; the text says what."""


def wait_for(seconds, condition, what):
    """Until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Fault(f"{what}: not within {seconds} s")
        time.sleep(0.05)


class Site:
    """Use it in a `with`: all that was started ends with it. `window`: the time for an observation at beacon and server, in seconds.
    `radio`: the address of a Bluetooth adapter, over which the beacon listens in all three ways, instead of a local link. `folder`: where a
    Site that was not begun has made its keys and its configuration, perhaps outside of the virtual machine in which they are used."""

    def __init__(self, programs, window=8, radio=None, folder=None):
        self.programs, self.window, self.radio, self.is_made = pathlib.Path(programs).resolve(), window, radio, folder is not None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="srup-device."))
        self.running, self.logs = [], []
        self.link = self.folder / "beacon.link"

    def __enter__(self):
        try:
            if self.is_made:
                self.read_port()
            else:
                self.make()
            self.begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.running):
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for log in self.logs:
            log.close()
        self.remove()

    def remove(self):
        """Its folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name, *command, **options):
        """A program in the background, its output in NAME.log."""
        log = open(self.folder / f"{name}.log", "a")
        self.logs.append(log)
        process = subprocess.Popen(command, **{"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, **options})
        self.running.append(process)
        return process

    def log(self, name):
        file = self.folder / f"{name}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    # How they are set up.

    def make(self):
        network, keys = self.folder / "net", self.folder / "keys"
        nodes = [option for device in DEVICES for option in ("--device", device)]
        subprocess.run(
            [PROJECT / "Scripts" / "broker", "make", network, "--c2", SERVER, "--beacon", BEACON, *nodes], check=True, capture_output=True
        )
        self.read_port()
        keys.mkdir(mode=0o700)
        for node, name in KEYS.items():
            shutil.copyfile(VECTORS / "keys" / f"{name}.pub.pem", keys / f"{node}.pub.pem")
            private = keys / f"{node}.key.pem"
            private.touch(0o600)
            shutil.copyfile(VECTORS / "keys" / f"{name}.pkcs8.pem", private)
            (keys / f"{node}.pub.pem").chmod(0o644)
        local = f"[link]\nrfcomm = off\nl2cap = off\nle = off\nlocal = {self.link}\nvalue-mode = yes\n"
        (self.folder / "beacon.ini").write_text(
            f"[beacon]\nidentity = {BEACON}\nkey = {keys}/{BEACON}.key.pem\nstate = {self.folder}/state\n"
            f"[broker]\naddress = localhost:{self.port}\nca = {network}/ca.pem\n"
            f"certificate = {network}/{BEACON}.cert.pem\nkey = {network}/{BEACON}.tls.key\n"
            f"[server {SERVER}]\nkey = {keys}/{SERVER}.pub.pem\n[observation]\nwindow = {self.window}\n"
            + (local if self.radio is None else f"[radio]\nadapters = {self.radio}\n")
        )

    def read_port(self):
        self.port = (self.folder / "net" / "port").read_text().strip()

    def begin(self):
        bench, beacon = self.programs / "srup-bench", self.programs / "srup-beacon"
        self.start("broker", PROJECT / "Scripts" / "broker", "run", self.folder / "net")
        wait_for(60, self.broker_listens, "the broker listens")
        if self.radio is None:  # in the virtual machine, a program more takes seconds
            self.recorder = Subscriber(self, SERVER, "SRUP/#")
        self.start(
            "c2", bench, "c2", *self.node(SERVER), "--keyring", self.folder / "keys", "--observer", BEACON, "--window", str(self.window + 5)
        )
        wait_for(60, lambda: "c2: ready" in self.log("c2"), "the C2 server is ready")
        self.start("beacon", beacon, "run", "--config", self.folder / "beacon.ini")
        wait_for(60, lambda: "member" in self.log("beacon") and (self.radio or self.link.exists()), "the beacon has joined")

    def broker_listens(self):
        # A client that may publish is answered only by a broker that runs.
        return (
            subprocess.run(
                self.client("mosquitto_pub", SERVER, "probe") + ["-t", "SRUP/0", "-m", "probe"], capture_output=True, timeout=20
            ).returncode
            == 0
        )

    def node(self, node):
        """The options of the bench kit for a node."""
        network = self.folder / "net"
        return [
            "--id",
            node,
            "--key",
            self.folder / "keys" / f"{node}.key.pem",
            "--broker",
            f"localhost:{self.port}",
            "--ca",
            network / "ca.pem",
            "--cert",
            network / f"{node}.cert.pem",
            "--tls-key",
            network / f"{node}.tls.key",
        ]

    def client(self, program, node, name):
        """A command of mosquitto's clients with a node's certificate."""
        network = self.folder / "net"
        return [
            program,
            "-h",
            "localhost",
            "-p",
            self.port,
            "--cafile",
            network / "ca.pem",
            "--cert",
            network / f"{node}.cert.pem",
            "--key",
            network / f"{node}.tls.key",
            "-i",
            f"{node}-{name}",
            "-q",
            "1",
        ]

    def publish(self, node, topic, payload):
        subprocess.run(
            self.client("mosquitto_pub", node, "publisher") + ["-t", topic, "-s"],
            input=payload,
            check=True,
            capture_output=True,
            timeout=20,
        )


class Subscriber:
    """What is published to a topic from now on, as (moment, topic, payload)."""

    def __init__(self, site, node, topic):
        self.messages = queue.Queue()
        # -d says when the subscription holds.
        command = (
            ["stdbuf", "-oL"]
            + site.client("mosquitto_sub", node, f"subscriber-{len(site.running)}")
            + ["-t", topic, "-F", "message %t %x", "-d"]
        )
        self.process = site.start("subscriber", *command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.is_subscribed = threading.Event()
        threading.Thread(target=self.read, daemon=True).start()
        if not self.is_subscribed.wait(20):
            raise Fault(f"no subscription to {topic} within 20 s")

    def read(self):
        for line in self.process.stdout:
            words = line.split()
            if words[:1] == ["message"] and len(words) == 3:
                self.messages.put((time.monotonic(), words[1], bytes.fromhex(words[2])))
            elif words[:1] == ["Subscribed"] or "SUBACK" in line:
                self.is_subscribed.set()

    def next(self, seconds, wanted):
        """The next message for which `wanted(topic, payload)` holds; the others are passed over."""
        end = time.monotonic() + seconds
        while True:
            try:
                _, topic, payload = self.messages.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise Fault(f"a message that was expected has not come within {seconds} s") from None
            if wanted(topic, payload):
                return payload
