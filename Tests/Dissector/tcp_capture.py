"""Capture files of TCP connections, written without capturing: a proxy, or a test, says what each end has sent."""
import struct
import threading
import time

LINKTYPE_RAW = 101  # packets begin with their IPv4 header
LONGEST_SEGMENT = 60_000
CLIENT, SERVER = 0, 1


class TCPCapture:
    """One pcap file with any number of connections on 127.0.0.1. Threads may share it."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, LINKTYPE_RAW))
        self.lock = threading.Lock()
        self.connections = 0
        self.moment = None

    def connection(self, server_port):
        """A new connection to this port; the three packets that open it are in the file."""
        with self.lock:
            self.connections += 1
            return Connection(self, 40_000 + self.connections, server_port)

    def packet(self, source, destination, sequence, acknowledged, flags, payload):
        """Writes one packet. `moment`, if set, replaces the clock, for files that are the same in each run."""
        tcp = struct.pack(">HHIIBBHHH", source, destination, sequence % 2**32, acknowledged % 2**32, 5 << 4, flags, 65_535, 0, 0)
        length = 20 + len(tcp) + len(payload)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, length, 0, 0x4000, 64, 6, 0, bytes([127, 0, 0, 1]), bytes([127, 0, 0, 1]))
        now = time.time() if self.moment is None else self.moment
        if self.moment is not None:
            self.moment += 0.001
        data = ip + tcp + payload
        self.file.write(struct.pack("<IIII", int(now), int(now * 1e6) % 1_000_000, len(data), len(data)) + data)

    def close(self):
        """Ends the file; what connections send after it is not recorded."""
        with self.lock:
            self.file.close()


class Connection:
    """One TCP connection: `send` records what an end has sent, in order."""

    def __init__(self, capture, client_port, server_port):
        self.capture, self.ports, self.sequence = capture, (client_port, server_port), [1, 1]
        syn, ack = 0x02, 0x10
        capture.packet(client_port, server_port, 0, 0, syn, b"")
        capture.packet(server_port, client_port, 0, 1, syn | ack, b"")
        capture.packet(client_port, server_port, 1, 1, ack, b"")

    def send(self, side, data):
        """Records `data`, sent by CLIENT or SERVER, in as many segments as it needs."""
        with self.capture.lock:
            if self.capture.file.closed:
                return
            for at in range(0, len(data), LONGEST_SEGMENT):
                piece = data[at : at + LONGEST_SEGMENT]
                self.capture.packet(self.ports[side], self.ports[1 - side], self.sequence[side], self.sequence[1 - side], 0x18, piece)
                self.sequence[side] += len(piece)
