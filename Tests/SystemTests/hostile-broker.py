#!/usr/bin/env python3
"""An MQTT 3.1.1 broker over TLS that does not behave, on the loopback interface.

Usage: hostile-broker.py NETWORK burst|qos2|hold COUNT

NETWORK is a folder of Scripts/broker. Writes NETWORK/hostile.port, and a line in NETWORK/hostile.log for what it sees.
burst  acknowledges no PUBLISH of a client's, sends COUNT messages at once when twenty have come, and acknowledges the client's
       when the client has acknowledged all of them
qos2   sends messages of QoS 2 without end, COUNT megabytes at most, and never PUBREL
hold   grants the first connection's subscription when NETWORK/hostile.go is there, later ones at once
"""
import os, socket, ssl, struct, sys, threading, time

PLACE, MODE, COUNT = sys.argv[1], sys.argv[2], int(sys.argv[3])
LOG = open(os.path.join(PLACE, "hostile.log"), "a", buffering=1)
CONNECTIONS = 0


def log(line):
    LOG.write(line + "\n")


def packet(kind, body):
    length, head = len(body), bytes([kind])
    while True:
        length, digit = divmod(length, 128)
        head += bytes([digit | (0x80 if length else 0)])
        if not length:
            return head + body


def message(topic, number, payload, qos):
    return packet(0x30 | qos << 1, struct.pack(">H", len(topic)) + topic + struct.pack(">H", number) + payload)


class Client:
    def __init__(self, stream, number):
        self.stream, self.number = stream, number
        self.waiting, self.acknowledged, self.held = [], 0, 0

    def whole(self, count):
        data = b""
        while len(data) < count:
            more = self.stream.recv(count - len(data))
            if not more:
                raise OSError("closed")
            data += more
        return data

    def receive(self):
        kind, length, shift = self.whole(1)[0], 0, 0
        while True:
            digit = self.whole(1)[0]
            length |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                return kind, self.whole(length)

    def serve(self):
        log(f"connection {self.number}")
        while True:
            kind, body = self.receive()
            if kind >> 4 == 1:
                self.stream.sendall(packet(0x20, b"\0\0"))
            elif kind >> 4 == 8:
                self.subscribed(body)
            elif kind >> 4 == 3:
                self.published(body)
            elif kind >> 4 == 4:
                self.acknowledged += 1
                if MODE == "burst" and self.acknowledged == COUNT:
                    log(f"acknowledged {COUNT}, of the client's {self.held} were here")
                    self.release()
            elif kind >> 4 == 12:
                self.stream.sendall(packet(0xD0, b""))
            elif kind >> 4 == 14:
                return log(f"goodbye {self.number}")

    def subscribed(self, body):
        log(f"subscribe {self.number}")
        while MODE == "hold" and self.number == 1 and not os.path.exists(os.path.join(PLACE, "hostile.go")):
            time.sleep(0.01)
        self.topic = body[4 : 4 + struct.unpack(">H", body[2:4])[0]]
        self.stream.sendall(packet(0x90, body[:2] + b"\1"))
        if MODE == "qos2":
            self.flood()

    def flood(self):
        sent = 0
        piece = b"".join(message(self.topic, number, bytes(1000), 2) for number in range(1, 1001))
        self.stream.settimeout(20)
        try:
            while sent < COUNT * 1_000_000:
                self.stream.sendall(piece)
                sent += len(piece)
        finally:
            log(f"flooded {self.number} with {sent}")

    def published(self, body):
        length = struct.unpack(">H", body[:2])[0]
        self.waiting.append((body[2 + length : 4 + length], body[4 + length :]))
        if MODE != "burst":
            return self.release()
        self.held += 1
        if self.held == 20:
            self.burst()
        elif self.acknowledged >= COUNT:
            self.release()

    def burst(self):
        pieces = [message(self.topic, number % 60_000 + 1, b"x" * 300, 1) for number in range(COUNT)]
        self.stream.sendall(b"".join(pieces))

    def release(self):
        for number, payload in self.waiting:
            log(f"published {payload[:20].decode(errors='replace')}")
            self.stream.sendall(packet(0x40, number))
        self.waiting = []


def serve(plain, context):
    global CONNECTIONS
    try:
        stream = context.wrap_socket(plain, server_side=True)
        CONNECTIONS += 1
        Client(stream, CONNECTIONS).serve()
    except OSError:
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.path.join(PLACE, "server.cert.pem"), os.path.join(PLACE, "server.key"))
listener = socket.create_server(("127.0.0.1", 0))
with open(os.path.join(PLACE, "hostile.port.new"), "w") as file:
    file.write(str(listener.getsockname()[1]))
os.rename(os.path.join(PLACE, "hostile.port.new"), os.path.join(PLACE, "hostile.port"))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0], context), daemon=True).start()
