"""Bluetooth captures without a radio: the bytes of a link, framed as RFCOMM, L2CAP and LE frame them, as the beacon's controller and
kernel exchange them. The forms are those of the Bluetooth Core Specification (HCI, L2CAP) and of 3GPP TS 07.10 (RFCOMM).

A packet is (received, kind, bytes): received is true for what comes from the controller; kind is COMMAND, ACL or EVENT."""
import struct

COMMAND, ACL, EVENT = 1, 2, 4
BEACON, DEVICE = 0, 1  # who sends; the capture is the beacon's
SIGNALLING, LE_SIGNALLING = 1, 5
RFCOMM_PSM = 3


def acl(handle, sender, payload, cid, fragment=None):
    """The ACL packets of one L2CAP packet: one, or as many as pieces of `fragment` bytes need."""
    data = struct.pack("<HH", len(payload), cid) + payload
    size = fragment or len(data)
    packets = []
    for at in range(0, len(data), size):
        piece = data[at : at + size]
        received = sender == DEVICE
        first = 2 if received else 0
        flags = handle | (1 if at else first) << 12
        packets.append((received, ACL, struct.pack("<HH", flags, len(piece)) + piece))
    return packets


class Radio:
    """One controller with a connected device; `packets` is what has passed so far."""

    def __init__(self, handle, low_energy=False):
        self.handle, self.low_energy, self.packets, self.identifier, self.cid = handle, low_energy, [], 0, 0x40
        self.fragment = None  # the longest ACL packet; None: all are whole
        address = bytes([handle, 0x55, 0x44, 0x33, 0x22, 0x11])
        if low_energy:
            body = struct.pack("<BBHBB6sHHHB", 1, 0, handle, 1, 0, address, 24, 0, 42, 0)
            self.packets.append((True, EVENT, bytes([0x3E, len(body)]) + body))
        else:
            body = struct.pack("<BH6sBB", 0, handle, address, 1, 0)
            self.packets.append((True, EVENT, bytes([0x03, len(body)]) + body))

    def send(self, sender, payload, cid):
        """One L2CAP packet."""
        self.packets += acl(self.handle, sender, payload, cid, self.fragment)

    def signal(self, sender, code, body, identifier):
        """One command of L2CAP's signalling channel."""
        self.send(sender, struct.pack("<BBH", code, identifier, len(body)) + body, LE_SIGNALLING if self.low_energy else SIGNALLING)

    def next_cids(self):
        """Identifier of a command, and the channel ids of device and beacon for a new channel."""
        self.identifier = self.identifier % 100 + 1
        self.cid += 2
        return self.identifier, self.cid, self.cid + 1


class L2CAP:
    """A channel that the device opens to a PSM of the beacon; one frame is one packet."""

    def __init__(self, radio, psm):
        self.radio = radio
        identifier, self.device, self.beacon = radio.next_cids()
        radio.signal(DEVICE, 0x02, struct.pack("<HH", psm, self.device), identifier)
        radio.signal(BEACON, 0x03, struct.pack("<HHHH", self.beacon, self.device, 0, 0), identifier)
        for sender, cid, peer in ((DEVICE, self.beacon, self.device), (BEACON, self.device, self.beacon)):
            radio.signal(sender, 0x04, struct.pack("<HHBBH", cid, 0, 1, 2, 672), identifier + 0x80)
            radio.signal(1 - sender, 0x05, struct.pack("<HHH", peer, 0, 0), identifier + 0x80)

    def send(self, sender, data):
        """One packet."""
        self.radio.send(sender, data, self.beacon if sender == DEVICE else self.device)

    def close(self):
        """The beacon's disconnection."""
        self.radio.signal(BEACON, 0x06, struct.pack("<HH", self.device, self.beacon), 0x70)
        self.radio.signal(DEVICE, 0x07, struct.pack("<HH", self.device, self.beacon), 0x70)


class LE:
    """An LE credit-based channel: each packet begins with its length, and is cut into pieces of at most `mps` bytes."""

    def __init__(self, radio, psm, mps=64):
        self.radio, self.mps = radio, mps
        identifier, self.device, self.beacon = radio.next_cids()
        radio.signal(DEVICE, 0x14, struct.pack("<HHHHH", psm, self.device, 672, mps, 20), identifier)
        radio.signal(BEACON, 0x15, struct.pack("<HHHHH", self.beacon, 672, mps, 20, 0), identifier)

    def send(self, sender, data):
        """One packet."""
        whole = struct.pack("<H", len(data)) + data
        for at in range(0, len(whole), self.mps):
            self.radio.send(sender, whole[at : at + self.mps], self.beacon if sender == DEVICE else self.device)

    def close(self):
        """The beacon's disconnection."""
        self.radio.signal(BEACON, 0x06, struct.pack("<HH", self.device, self.beacon), 0x70)
        self.radio.signal(DEVICE, 0x07, struct.pack("<HH", self.device, self.beacon), 0x70)


def frame_check(data):
    """The check byte of TS 07.10: a CRC of 8 bits, reflected."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xE0 if crc & 1 else 0)
    return 0xFF - crc


class RFCOMM:
    """A multiplexer that the device opens, with one connection at a time to a channel of the beacon: a stream of bytes. With
    `from_beacon` the beacon has opened the multiplexer, so the channel has its other DLCI."""

    SABM, UA, DISC, UIH, POLL = 0x2F, 0x63, 0x43, 0xEF, 0x10

    def __init__(self, radio, channel, from_beacon=False):
        self.carrier, self.dlci, self.from_beacon = L2CAP(radio, RFCOMM_PSM), channel * 2 + from_beacon, from_beacon
        self.exchange(0, BEACON if from_beacon else DEVICE, self.SABM)
        self.open()

    def frame(self, sender, dlci, control, payload=b""):
        """One RFCOMM frame."""
        command = (sender == DEVICE) != self.from_beacon
        header = bytes([dlci << 2 | command << 1 | 1, control])
        length = bytes([len(payload) << 1 | 1]) if len(payload) < 128 else struct.pack("<H", len(payload) << 1)
        checked = header if control & ~self.POLL == self.UIH else header + length
        self.carrier.send(sender, header + length + payload + bytes([frame_check(checked)]))

    def exchange(self, dlci, sender, control):
        """A command that the other end acknowledges."""
        self.frame(sender, dlci, control | self.POLL)
        self.frame(1 - sender, dlci, self.UA | self.POLL)

    def open(self):
        """The connection to the channel, as the device opens it."""
        self.exchange(self.dlci, DEVICE, self.SABM)

    def send(self, sender, data):
        """Some bytes of the stream."""
        self.frame(sender, self.dlci, self.UIH, data)

    def close(self):
        """The beacon's end of the connection; the multiplexer stays."""
        self.exchange(self.dlci, BEACON, self.DISC)


EPOCH = 0x00DCDDB30F2F8000  # 1970, in the microseconds of btsnoop


def write_btsnoop(path, packets):
    """The format of Android's log, and of hcidump's successors for one adapter."""
    with open(path, "wb") as file:
        file.write(struct.pack(">8sII", b"btsnoop\0", 1, 1002))
        for index, (received, kind, data) in enumerate(packets):
            whole, flags = bytes([kind]) + data, received | (kind != ACL) << 1
            file.write(struct.pack(">IIIIQ", len(whole), len(whole), flags, 0, EPOCH + index * 1000) + whole)


def write_btmon(path, adapters):
    """The format of btmon -w: the packets of several adapters, in turn."""
    opcodes = {(False, COMMAND): 2, (True, EVENT): 3, (False, ACL): 4, (True, ACL): 5}
    records = [(number << 16, struct.pack("<BB6s8s", 0, 1, bytes(6), b"hci%d" % number)) for number in range(len(adapters))]
    for turn in range(max(map(len, adapters))):
        for number, packets in enumerate(adapters):
            if turn < len(packets):
                received, kind, data = packets[turn]
                records.append((number << 16 | opcodes[received, kind], data))
    with open(path, "wb") as file:
        file.write(struct.pack(">8sII", b"btsnoop\0", 1, 2001))
        for index, (flags, data) in enumerate(records):
            file.write(struct.pack(">IIIIQ", len(data), len(data), flags, 0, EPOCH + index * 1000) + data)


def write_pcap(path, packets):
    """The format in which Wireshark captures an adapter (DLT 201: H4 with a direction)."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 201))
        for index, (received, kind, data) in enumerate(packets):
            whole = struct.pack(">I", received) + bytes([kind]) + data
            file.write(struct.pack("<IIII", 1, index * 1000, len(whole), len(whole)) + whole)


def write_hcidump(path, packets):
    """The format of hcidump -w."""
    with open(path, "wb") as file:
        for index, (received, kind, data) in enumerate(packets):
            file.write(struct.pack("<HBBII", len(data) + 1, received, 0, 1, index * 1000) + bytes([kind]) + data)
