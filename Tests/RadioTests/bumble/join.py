"""A joining device that is no BlueZ: google/bumble's Bluetooth stack on a bare controller, and the proof link in challenge
mode, written from docs/proof-link.md.

Usage: join.py CONTROLLER LINKKEY TRANSPORT ADDRESS PORT BEACON DEVICE VALUE

CONTROLLER is bumble's word for it (hci-socket:1, powered off), LINKKEY the key of its bond with the beacon's controller,
TRANSPORT rfcomm or le, ADDRESS the beacon's controller, PORT its channel or PSM; BEACON and DEVICE are identifiers, VALUE is
the value. Keys, identifiers and the value are in hexadecimal digits.
Exit status: 0 if the beacon said valid and proved that it holds the value too, 1 with a sentence if not.
"""
import asyncio
import hashlib
import hmac
import os
import struct
import sys

from bumble import l2cap
from bumble.core import PhysicalTransport
from bumble.device import Device
from bumble.hci import Address, OwnAddressType
from bumble.rfcomm import Client
from bumble.transport import open_transport

HELLO, READY, WAIT, CHALLENGE, PROOF, OUTCOME = 1, 2, 3, 4, 5, 7
CHALLENGE_MODE, VALID = 2, 0x60


class ListeningChannel(l2cap.LeCreditBasedChannel):
    """Keeps what comes before somebody listens: the beacon speaks first, and bumble drops what has no sink yet."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.early = bytearray()
        self.sink = self.early.extend


l2cap.LeCreditBasedChannel = ListeningChannel


class Link:
    """Frames over whatever has `sink` and `write`. Streams give pieces, packets give frames: both are bytes here."""

    def __init__(self, channel):
        self.channel, self.held, self.came = channel, bytes(getattr(channel, "early", b"")), asyncio.Event()
        channel.sink = self.take

    def take(self, data):
        self.held += data
        self.came.set()

    def send(self, kind, payload):
        self.channel.write(struct.pack(">BH", kind, len(payload)) + payload)

    async def frame(self):
        while len(self.held) < 3 or len(self.held) < 3 + struct.unpack(">H", self.held[1:3])[0]:
            self.came.clear()
            await asyncio.wait_for(self.came.wait(), 20)
        end = 3 + struct.unpack(">H", self.held[1:3])[0]
        frame, self.held = self.held[:end], self.held[end:]
        return frame[0], frame[3:]


def tag(value, words, context):
    return hmac.new(value, words + context, hashlib.sha256).digest()


async def prove(link, beacon, device, value):
    kind, hello = await link.frame()
    if kind != HELLO or hello[0] != 1 or not hello[1] & 2 or hello[2:10] != beacon:
        sys.exit(f"not the beacon's HELLO: type {kind}, {hello.hex()}")
    link.send(READY, bytes([CHALLENGE_MODE]) + device)
    kind, payload = await link.frame()
    while kind == WAIT:
        kind, payload = await link.frame()
    if kind != CHALLENGE:
        sys.exit(f"not a CHALLENGE: type {kind}, {payload.hex()}")
    nonce = os.urandom(32)
    context = hello[10:26] + payload + nonce + beacon + device
    link.send(PROOF, nonce + tag(value, b"SRUP proof link v1 device", context))
    kind, outcome = await link.frame()
    if kind != OUTCOME or outcome[0] != VALID:
        sys.exit(f"not valid: type {kind}, {outcome.hex()}")
    if not hmac.compare_digest(outcome[1:], tag(value, b"SRUP proof link v1 beacon", context + outcome[:1])):
        sys.exit("the beacon did not prove that it holds the value")


async def connect(device, transport, address, port):
    if transport == "le":
        connection = await device.connect(
            Address(address, Address.PUBLIC_DEVICE_ADDRESS),
            transport=PhysicalTransport.LE,
            own_address_type=OwnAddressType.PUBLIC,
        )
        return connection, await connection.create_l2cap_channel(spec=l2cap.LeCreditBasedChannelSpec(psm=port))
    connection = await device.connect(address, transport=PhysicalTransport.BR_EDR)
    await connection.authenticate()
    await connection.encrypt()
    return connection, await (await Client(connection).start()).open_dlc(port)


async def main(controller, link_key, transport, address, port, beacon, device, value):
    async def key_of_bond(_):
        return bytes.fromhex(link_key)

    async with await open_transport(controller) as (source, sink):
        own = Device.with_hci("joining device", Address("F0:F1:F2:F3:F4:F5"), source, sink)
        own.classic_enabled = True
        own.host.link_key_provider = key_of_bond
        await own.power_on()
        connection, channel = await connect(own, transport, address, int(port, 0))
        await prove(Link(channel), *(bytes.fromhex(word) for word in (beacon, device, value)))
        print("valid, and the beacon has proved itself")
        await connection.disconnect()


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), 60))
