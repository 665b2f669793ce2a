"""Records what a broker hands on, with the size of each packet: a client that reads SRUP/# with QoS 1, over TCP or over TLS. Prints
"ready" once it reads, and writes what it has seen when it gets SIGTERM.

Usage: record.py OUTPUT PORT [CA CERTIFICATE KEY]

OUTPUT is one JSON object: "messages", a list of topic, payload (hexadecimal), and mqtt (bytes of the PUBLISH). Over TLS also tls (bytes of
the record that the PUBLISH came in). Over TCP, where this may look at the network (root, or CAP_NET_RAW), also packet and frame (bytes
of the IPv4 packet and of the Ethernet frame), as the kernel sent them over loopback; "acknowledgement" has the same of a PUBACK.
"""
import json
import pathlib
import signal
import socket
import ssl
import struct
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "Tests" / "Dissector"))
import mqtt

PROBES = "SRUP/probe-"  # topics that no node reads
MOST = 10_000  # packets that are kept; a run has some hundred
PUBLISH, PUBACK, SUBACK = 3, 4, 9


class Plain:
    """What arrives over TCP, piece by piece: bytes of the stream, and of what carried them."""

    def __init__(self, port):
        self.socket = socket.create_connection(("localhost", port), 10)
        self.socket.settimeout(None)

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        return self.socket.recv(65_536), None


class Encrypted(Plain):
    """The same over TLS: each piece is one record."""

    def __init__(self, port, authority, certificate, key):
        super().__init__(port)
        context = ssl.create_default_context(cafile=authority)
        context.load_cert_chain(certificate, key)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.file, self.lock = self.socket.makefile("rb"), threading.Lock()
        while not self.shaken():
            self.incoming.write(self.record())

    def shaken(self):
        """Whether the handshake is complete, as far as it goes with what has arrived."""
        try:
            self.tls.do_handshake()
            return True
        except ssl.SSLWantReadError:
            return False
        finally:
            self.flush()

    def flush(self):
        if data := self.outgoing.read():
            self.socket.sendall(data)

    def record(self):
        """The bytes of the next record."""
        head = self.file.read(5)
        return head + self.file.read(int.from_bytes(head[3:], "big")) if len(head) == 5 else b""

    def send(self, data):
        with self.lock:
            self.tls.write(data)
            self.flush()

    def receive(self):
        while record := self.record():
            with self.lock:
                self.incoming.write(record)
                try:
                    return self.tls.read(65_536), len(record)
                except ssl.SSLWantReadError:
                    pass  # a session ticket
                except ssl.SSLZeroReturnError:
                    break
        return b"", None


def packets(connection):
    """Each MQTT packet: its first byte, its body, all its bytes, and the bytes of the record if it came in one of its own."""
    waiting, piece = b"", None
    while True:
        size = packet_size(waiting)
        if size is None or len(waiting) < size[0] + size[1]:
            data, record = connection.receive()
            if not data:
                return
            piece = None if waiting else (len(data), record)
            waiting += data
            continue
        whole = waiting[: size[0] + size[1]]
        waiting = waiting[len(whole) :]
        yield whole[0], whole[size[0] :], whole, piece[1] if piece and piece[0] == len(whole) else None


def packet_size(data):
    """Bytes of the fixed header, and of what follows; None where that is not there yet."""
    for length in range(2, min(len(data), 5) + 1):
        if data[length - 1] < 0x80:
            return length, sum((byte & 0x7F) << 7 * place for place, byte in enumerate(data[1:length]))
    return None


class Network:
    """What the kernel sends from and to a port over loopback: for each piece of a TCP stream, the bytes of its packet and frame."""

    def __init__(self, port):
        self.port, self.seen = port, {}
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        self.socket.bind(("lo", 0))
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        while frame := self.socket.recv(131_072):
            ip = frame[14:]
            head = (ip[0] & 0x0F) * 4
            if ip[9] != 6 or self.port not in struct.unpack(">HH", ip[head : head + 4]):
                continue
            size = int.from_bytes(ip[2:4], "big")
            data = ip[head + (ip[head + 12] >> 4) * 4 : size]
            if data and len(self.seen) < MOST:
                self.seen[data] = {"packet": size, "frame": len(frame)}


def network(port):
    """None where this may not look."""
    try:
        return Network(port)
    except PermissionError:
        return None


class Recorder:
    """Reads until SIGTERM."""

    def __init__(self, output, port, *tls):
        self.output, self.messages, self.acknowledgement, self.probes, self.done = output, [], None, 0, threading.Event()
        self.probe = PROBES + ("tls" if tls else "plain")
        self.network = None if tls else network(port)
        self.connection = Encrypted(port, *tls) if tls else Plain(port)
        # Without a keep-alive: this only listens.
        connect = mqtt.packet(0x10, mqtt.text("MQTT") + b"\x04\x02\x00\x00" + mqtt.text(self.probe))
        self.connection.send(connect + mqtt.packet(0x82, b"\x00\x01" + mqtt.text("SRUP/#") + b"\x01"))
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for kind, body, whole, record in packets(self.connection):
            if kind >> 4 == SUBACK:
                # One message of its own, for the broker's PUBACK.
                self.connection.send(mqtt.publish(self.probe, b"", 1))
            elif kind >> 4 == PUBACK:
                self.acknowledgement = {"mqtt": len(whole), "tls": record, "bytes": whole}
                print("ready", flush=True)
            elif kind >> 4 == PUBLISH and len(self.messages) < MOST:
                self.take(body, whole, record)
        self.done.set()

    def take(self, body, whole, record):
        end = 2 + int.from_bytes(body[:2], "big")
        self.connection.send(mqtt.packet(0x40, body[end : end + 2]))
        topic = body[2:end].decode()
        if topic == self.probe:
            self.probes += 1
            if self.probes == 2:
                self.done.set()
        elif not topic.startswith(PROBES):
            payload = body[end + 2 :]
            self.messages.append({"topic": topic, "payload": payload.hex(), "mqtt": len(whole), "tls": record, "bytes": whole})

    def end(self):
        """Once a second probe has come, everything before it has come, too; in any case after some seconds."""
        signal.signal(signal.SIGALRM, lambda *_: self.done.set())
        signal.alarm(5)
        self.connection.send(mqtt.publish(self.probe, b"", 2))

    def write(self):
        """What was seen, with what the kernel has sent it in."""
        time.sleep(0.2)  # the last frames
        seen = self.network.seen if self.network else {}
        for each in [*self.messages, self.acknowledgement]:
            each.update(seen.get(each.pop("bytes"), {"packet": None, "frame": None}))
        pathlib.Path(self.output).write_text(json.dumps({"messages": self.messages, "acknowledgement": self.acknowledgement}))


def main():
    output, port, *tls = sys.argv[1:]
    recorder = Recorder(output, int(port), *tls)
    signal.signal(signal.SIGTERM, lambda *_: recorder.end())
    recorder.done.wait()
    if recorder.acknowledgement is None:
        sys.exit("record.py: the broker has not acknowledged the probe")
    recorder.write()


main()
