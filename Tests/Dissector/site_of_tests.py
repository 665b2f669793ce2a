"""A real site on this machine: mosquitto, a C2 server, a beacon and devices, with proxies that record what they send each other."""
import os
import pathlib
import socket
import ssl
import subprocess
import threading
import time

import mqtt
from tcp_capture import CLIENT, SERVER, TCPCapture

PROJECT = pathlib.Path(__file__).resolve().parent.parent.parent
SERVER_ID, READER, BEACON = "c200000000000001", "c200000000000002", "bea0000000000001"
DEVICES = {"keyed": "de01000000000001", "challenge": "de02000000000002", "value": "de03000000000003"}
BEACON_CONFIGURATION = """
[beacon]
identity = {beacon}
key = {net}/{beacon}.key.pem
state = {folder}/state
[broker]
address = localhost:{port}
ca = {net}/ca.pem
certificate = {net}/{beacon}.cert.pem
key = {net}/{beacon}.tls.key
[server {server}]
key = {net}/{server}.pub.pem
[link]
rfcomm = off
l2cap = off
le = off
local = {folder}/beacon.link
value-mode = yes
"""


def wait(seconds, condition, what):
    """Returns once the condition holds."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def copy(source, destination, record):
    """Hands on what one socket receives to another until it ends; `record` gets each piece first."""
    try:
        while data := source.recv(65_536):
            record(data)
            destination.sendall(data)
    except OSError:
        pass
    for each in source, destination:
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def relay(client, server, from_client, from_server):
    """Both directions, until both have ended."""
    back = threading.Thread(target=copy, args=(server, client, from_server), daemon=True)
    back.start()
    copy(client, server, from_client)
    back.join()
    client.close()
    server.close()


class Proxy:
    """Accepts connections at `listener`, and connects each on. `recorder()` gives two functions for each connection: what the client has
    sent, and what the server has sent."""

    def __init__(self, listener, connect, recorder):
        self.listener, self.connect, self.recorder = listener, connect, recorder
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        """Until the listener is closed."""
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server, (from_client, from_server) = self.connect(), self.recorder()
            threading.Thread(target=relay, args=(client, server, from_client, from_server), daemon=True).start()


class Site:
    """`open` starts everything in `folder`, and `close` ends what was started. The folder `records` gets plain.pcap, tls.pcap and reader.keys, and of
    one device of the kit device.pcap and device.keys, the key log that it wrote; `links` has, for each link, what each end has sent, piece by piece."""

    def __init__(self, folder, records, programs):
        self.folder, self.records, self.programs = folder, records, programs
        self.net, self.processes, self.links, self.sockets = folder / "net", [], [], []
        self.captures, self.readers = {}, []

    def open(self):
        """Until the beacon is a member and both readers have subscribed."""
        self.make_network()
        for name, port in ("plain", self.plain_port), ("tls", self.port), ("device", self.port):
            self.captures[name] = TCPCapture(self.records / f"{name}.pcap")
            self.captures[name].proxy = self.record_port(self.captures[name], port)
        self.start("broker", PROJECT / "Scripts/broker", "run", self.net)
        wait(10, lambda: answers(self.port) and answers(self.plain_port), "the broker listens")
        self.start_c2()
        self.start_beacon()
        self.readers = [self.read("plain"), self.read("tls")]

    # --- The network -------------------------------------------------------------------------------------------------------

    def make_network(self):
        """Certificates and keys, and a broker with a plain listener beside the one for TLS, where anyone may read and write."""
        others = [option for device in DEVICES.values() for option in ("--device", device)]
        subprocess.run([PROJECT / "Scripts/broker", "make", self.net, "--c2", SERVER_ID, "--c2", READER, "--beacon", BEACON, *others,
                        "--keys"], check=True)
        self.port = int((self.net / "port").read_text())
        self.plain_port = int(subprocess.run([PROJECT / "Scripts/broker", "port"], check=True, capture_output=True, text=True).stdout)
        configuration = (self.net / "mosquitto.conf").read_text().replace("allow_anonymous false", "allow_anonymous true")
        (self.net / "mosquitto.conf").write_text(f"{configuration}listener {self.plain_port} 127.0.0.1\n")
        (self.net / "acl").write_text("topic readwrite SRUP/#\n" + (self.net / "acl").read_text())

    def record_port(self, capture, port):
        """The port of a proxy for this port."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.sockets.append(listener)

        def recorder():
            connection = capture.connection(port)
            return lambda data: connection.send(CLIENT, data), lambda data: connection.send(SERVER, data)

        Proxy(listener, lambda: socket.create_connection(("127.0.0.1", port)), recorder)
        return listener.getsockname()[1]

    def record_links(self):
        """The path of a proxy for the beacon's local link."""
        path = self.folder / "recorded.link"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        self.sockets.append(listener)

        def connect():
            beacon = socket.socket(socket.AF_UNIX)
            beacon.connect(str(self.folder / "beacon.link"))
            return beacon

        def recorder():
            pieces = []
            self.links.append(pieces)
            return lambda data: pieces.append(("device", data)), lambda data: pieces.append(("beacon", data))

        Proxy(listener, connect, recorder)
        return path

    # --- The programs ------------------------------------------------------------------------------------------------------

    def start(self, name, *command, stdin=subprocess.DEVNULL):
        """A program that runs until `close`; its output is in NAME.log."""
        with open(self.folder / f"{name}.log", "wb") as log:
            process = subprocess.Popen([str(each) for each in command], stdin=stdin, stdout=log, stderr=subprocess.STDOUT)
        self.processes.append(process)
        return process

    def log(self, name):
        """What this program has printed."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def node(self, identity, port=None):
        """The options of a node of the kit."""
        return ["--id", identity, "--key", self.net / f"{identity}.key.pem", "--broker", f"localhost:{port or self.port}", "--ca",
                self.net / "ca.pem", "--cert", self.net / f"{identity}.cert.pem", "--tls-key", self.net / f"{identity}.tls.key"]

    def start_c2(self):
        """The server; `c2.stdin` takes orders."""
        self.c2 = self.start("c2", self.programs / "srup-bench", "c2", *self.node(SERVER_ID), "--keyring", self.net, "--observer", BEACON,
                             "--orders", stdin=subprocess.PIPE)
        wait(20, lambda: "c2: ready" in self.log("c2"), "the C2 server is ready")

    def start_beacon(self):
        """The beacon, until it is a member."""
        values = {"folder": self.folder, "net": self.net, "port": self.port, "beacon": BEACON, "server": SERVER_ID}
        (self.folder / "beacon.conf").write_text(BEACON_CONFIGURATION.format(**values))
        self.start("beacon", self.programs / "srup-beacon", "run", "--config", self.folder / "beacon.conf")
        wait(30, lambda: f"server {SERVER_ID}: member" in self.log("beacon"), "the beacon has joined")
        self.recorded = self.record_links()

    def order(self, line):
        """An order for the server."""
        self.c2.stdin.write(line.encode() + b"\n")
        self.c2.stdin.flush()

    def join(self, mode, port=None, options=()):
        """A device joins in this mode, through the proxy of the link; what it has printed."""
        identity = DEVICES[mode]
        process = self.start(f"device-{mode}", self.programs / "srup-bench", "device", *self.node(identity, port), "--server", SERVER_ID,
                             "--server-key", self.net / f"{SERVER_ID}.pub.pem", "--observer", BEACON, "--link", f"local:{self.recorded}",
                             "--mode", mode, "--timeout", "30", *options)
        if process.wait(40):
            raise RuntimeError(self.log(f"device-{mode}") + self.log("beacon"))
        return self.log(f"device-{mode}")

    def join_logging_keys(self, mode):
        """The same through the proxy for TLS, with a key log of the kit's; device.keys is a copy of it that tshark's user can read."""
        written = self.folder / "written.keys"
        printed = self.join(mode, self.captures["device"].proxy, ["--tls-key-log", written])
        (self.records / "device.keys").write_text(written.read_text())
        return printed

    # --- Readers -----------------------------------------------------------------------------------------------------------

    def read(self, name):
        """A client that reads everything, through the proxy; over TLS it writes a key log."""
        stream = socket.create_connection(("127.0.0.1", self.captures[name].proxy))
        if name == "tls":
            context = ssl.create_default_context(cafile=self.net / "ca.pem")
            context.keylog_filename = str(self.records / "reader.keys")
            context.load_cert_chain(self.net / f"{READER}.cert.pem", self.net / f"{READER}.tls.key")
            stream = context.wrap_socket(stream, server_hostname="localhost")
        return Reader(stream, f"reader-{name}")

    def close(self):
        """Ends what was started, the last first."""
        for reader in self.readers:
            reader.stream.close()
        for each in self.sockets:
            each.close()
        for process in reversed(self.processes):
            process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin:
                process.stdin.close()
        for capture in self.captures.values():
            capture.close()


class Reader:
    """Subscribes to all topics of SRUP; `received` has topic and payload of each message."""

    def __init__(self, stream, name):
        self.stream, self.received, self.file = stream, [], stream.makefile("rb")
        stream.sendall(mqtt.connect(name) + mqtt.subscribe("SRUP/#"))
        self.acknowledged = threading.Event()
        threading.Thread(target=self.read, daemon=True).start()
        if not self.acknowledged.wait(10):
            raise TimeoutError("no SUBACK")

    def read(self):
        """Until the connection ends."""
        try:
            while packet := mqtt.read_packet(self.file):
                kind, body = packet
                if kind >> 4 == 9:
                    self.acknowledged.set()
                elif kind >> 4 == 3:
                    length = int.from_bytes(body[:2], "big")
                    self.received.append((body[2 : 2 + length].decode(), body[2 + length + (2 if kind & 6 else 0) :]))
        except (OSError, ValueError, IndexError):
            pass

    def publish(self, topic, payload):
        """With QoS 0."""
        self.stream.sendall(mqtt.publish(topic, payload))


def answers(port):
    """Whether something listens on this port of loopback."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def programs():
    """The folder with srup-beacon and srup-bench."""
    return pathlib.Path(os.environ["SRUP_PROGRAMS"])
