"""As much of MQTT 3.1.1 as the tests of the dissector need: a client's packets, and the reading of a broker's."""
import struct


def packet(kind, body):
    """A control packet of this first byte."""
    length, rest = b"", len(body)
    while True:
        length += bytes([rest % 128 | (0x80 if rest >= 128 else 0)])
        rest //= 128
        if not rest:
            return bytes([kind]) + length + body


def text(value):
    """A string with its length."""
    return struct.pack(">H", len(value.encode())) + value.encode()


def connect(client):
    """CONNECT with a clean session, and a keep-alive of a minute."""
    return packet(0x10, text("MQTT") + b"\x04\x02\x00\x3c" + text(client))


def subscribe(topic):
    """SUBSCRIBE with QoS 0: nothing that arrives must be acknowledged."""
    return packet(0x82, b"\x00\x01" + text(topic) + b"\x00")


def publish(topic, payload, packet_id=None):
    """PUBLISH: QoS 1 with a packet id, QoS 0 without."""
    head = text(topic) + (b"" if packet_id is None else struct.pack(">H", packet_id))
    return packet(0x30 if packet_id is None else 0x32, head + payload)


def read_packet(stream):
    """First byte and body of the next packet of a binary file; None at its end."""
    first = stream.read(1)
    if not first:
        return None
    length, shift = 0, 0
    while True:
        byte = stream.read(1)[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return first[0], stream.read(length)
