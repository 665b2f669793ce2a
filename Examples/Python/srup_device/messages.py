"""SRUP messages: bytes to values and back (docs/protocol.md, sections 1 to 3)."""

import secrets
import struct
import uuid
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

VERSION = 5
MAXIMUM = 198_687  # the longest payload that the fields can make together
MINIMUM_SIGNATURE, MAXIMUM_SIGNATURE = 256, 2_048

INITIATE, RESPONSE, ACTIVATE, ACTION, DATA, ID_REQUEST = range(0x01, 0x07)
JOIN_REQ, JOIN_CMD, HM_JOIN_REQ, HM_JOIN_RESP, OBS_JOIN_REQ, OBS_JOIN_RESP, OBSERVE_REQ = range(0x09, 0x10)
RESIGN_REQ, TERMINATE_CMD, DEREGISTER_REQ, DEREGISTER_CMD = range(0x10, 0x14)

# The body of each message: its fields in their order. "lv": a length of 2 bytes, big-endian, and that many bytes; numbers are
# little-endian.
BODIES = {
    INITIATE: (("url", "lv"), ("digest", "lv")),
    RESPONSE: (("status", "u8"),),
    ACTIVATE: (),
    ACTION: (("action", "u8"),),
    DATA: (("id", "lv"), ("data", "lv")),
    ID_REQUEST: (),
    JOIN_REQ: (),
    JOIN_CMD: (("device", "u64"),),
    HM_JOIN_REQ: (),
    HM_JOIN_RESP: (("sealed", "lv"),),
    OBS_JOIN_REQ: (("observer", "u64"),),
    OBS_JOIN_RESP: (("sealed", "lv"),),
    OBSERVE_REQ: (("device", "u64"), ("sealed", "lv")),
    RESIGN_REQ: (),
    TERMINATE_CMD: (),
    DEREGISTER_REQ: (),
    DEREGISTER_CMD: (),
    0x21: (("url", "lv"), ("sealed", "lv")),
    0x24: (("action", "u8"), ("target", "u64")),
    0x25: (("id", "lv"), ("data", "lv"), ("source", "u64")),
    0x26: (("target", "u64"),),
    0x27: (("count", "u32"),),
    0x28: (("number", "u32"), ("device", "u64")),
    0x29: (("sealed", "lv"),),
    0x2C: (("data", "lv"), ("request", "u8"), ("zeros", "u16")),
    0x2E: (),
    0x2F: (),
}
NUMBERS = {"u8": "<B", "u16": "<H", "u32": "<I", "u64": "<Q"}

NAMES = {
    INITIATE: "INITIATE",
    RESPONSE: "RESPONSE",
    ACTIVATE: "ACTIVATE",
    ACTION: "ACTION",
    DATA: "DATA",
    ID_REQUEST: "ID_REQUEST",
    JOIN_REQ: "JOIN_REQ",
    JOIN_CMD: "JOIN_CMD",
    HM_JOIN_REQ: "HM_JOIN_REQ",
    HM_JOIN_RESP: "HM_JOIN_RESP",
    OBS_JOIN_REQ: "OBS_JOIN_REQ",
    OBS_JOIN_RESP: "OBS_JOIN_RESP",
    OBSERVE_REQ: "OBSERVE_REQ",
    RESIGN_REQ: "RESIGN_REQ",
    TERMINATE_CMD: "TERMINATE_CMD",
    DEREGISTER_REQ: "DEREGISTER_REQ",
    DEREGISTER_CMD: "DEREGISTER_CMD",
}


class Refused(Exception):
    """Why a received payload is refused: one line."""


def name_of(kind):
    """The name of a message type."""
    return NAMES.get(kind, f"type {kind:02x}")


def topic_form(identity):
    """An identity as in topics, certificates and registration: lower-case hexadecimal digits without leading zeros."""
    return f"{identity:x}"


def identity_from(text):
    """The identity of 1 to 16 hexadecimal digits. Raises ValueError."""
    if not 1 <= len(text) <= 16 or any(c not in "0123456789abcdefABCDEF" for c in text):
        raise ValueError(f'"{text}" is not an identity: 1 to 16 hexadecimal digits')
    return int(text, 16)


def new_token(naming=None):
    """A fresh token; `naming`: the server that a RESIGN_REQ or unasked DATA is for."""
    token = str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
    return (token if naming is None else f"{token}@{topic_form(naming)}").encode()


@dataclass(frozen=True)
class Message:
    """A message without its signature. `fields` has the body's fields by name."""

    kind: int
    sequence: int
    sender: int
    token: bytes
    fields: dict = field(default_factory=dict)

    def signed(self, key):
        """The frame, signed by an RSA private key."""
        head = struct.pack("<BBQQ", VERSION, self.kind, self.sequence, self.sender) + _lv(self.token)
        body = b"".join(
            _lv(self.fields[name]) if form == "lv" else struct.pack(NUMBERS[form], self.fields[name])
            for name, form in BODIES[self.kind]
        )
        return head + _lv(sign(key, head + body)) + body


def sign(key, data):
    """RSASSA-PKCS1-v1_5 with SHA-256."""
    return key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def _lv(data):
    return struct.pack(">H", len(data)) + data


class Frame:
    """A payload with the shape of a message. It becomes a Message only through `verified`: until then, believe nothing in it."""

    def __init__(self, payload):
        """Raises Refused if the payload is not exactly one message."""
        if len(payload) > MAXIMUM:
            raise Refused(f"{len(payload)} bytes")
        read = _Reader(payload)
        if read.number("u8") != VERSION:
            raise Refused("not version 5")
        kind = read.number("u8")
        if kind not in BODIES:
            raise Refused(f"type {kind:02x} is not served")
        sequence, sender, token = read.number("u64"), read.number("u64"), read.lv()
        if not token:
            raise Refused("an empty token")
        head_ends = read.at
        self._signature = read.lv()
        if not MINIMUM_SIGNATURE <= len(self._signature) <= MAXIMUM_SIGNATURE:
            raise Refused(f"a signature of {len(self._signature)} bytes")
        body_begins = read.at
        fields = {name: read.lv() if form == "lv" else read.number(form) for name, form in BODIES[kind]}
        if read.at != len(payload):
            raise Refused(f"{len(payload) - read.at} bytes after the message")
        if fields.get("zeros"):
            raise Refused("two bytes that are not zero")
        # Over the bytes as received, never over a copy that was encoded again.
        self._signed = payload[:head_ends] + payload[body_begins:]
        self._message = Message(kind, sequence, sender, token, fields)

    @property
    def claimed_sender(self):
        """Who has sent it, says the frame."""
        return self._message.sender

    def verified(self, key):
        """The message, if an RSA public key's holder has signed it. Raises Refused."""
        try:
            key.verify(self._signature, self._signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise Refused("the signature is not valid") from None
        return self._message


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Refused(f"truncated: needed {count} bytes, {len(self.data) - self.at} left")
        self.at += count
        return bytes(self.data[self.at - count : self.at])

    def number(self, form):
        return struct.unpack(NUMBERS[form], self.take(struct.calcsize(NUMBERS[form])))[0]

    def lv(self):
        return self.take(struct.unpack(">H", self.take(2))[0])
