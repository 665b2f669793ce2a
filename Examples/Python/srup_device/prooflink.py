"""The device's end of the proof link, version 1 (docs/proof-link.md), without I/O: bytes in, bytes out.

    link = DeviceLink(Parties(device, server, beacon, transport), sign=key_signs)
    for frame in link.receive(data): socket.sendall(frame)     # what the beacon has sent
    for frame in link.take_value(value): socket.sendall(frame)  # when the server's value has come

The link is over when `link.outcome` or `link.left` is set. There is no clock here: the owner of the socket watches the time.
"""

import hashlib
import hmac
import os
from dataclasses import dataclass

VERSION = 1
HEADER = 3  # type 1, length of the payload 2
MAXIMUM_FRAME = HEADER + 512

HELLO, READY, WAIT, CHALLENGE, PROOF, VALUE, OUTCOME, CLAIM, SIGN = range(1, 10)

FROM_BEACON = (HELLO, WAIT, CHALLENGE, OUTCOME)
# The lengths that a payload of each type may have.
LENGTHS = {
    HELLO: range(26, 27),
    READY: range(9, 10),
    WAIT: range(2, 3),
    CHALLENGE: range(32, 33),
    PROOF: range(64, 65),
    VALUE: range(16, 17),
    OUTCOME: range(33, 34),
    CLAIM: range(17, 18),
    SIGN: range(2, 130),
}

# Each mode: its number in READY and CLAIM, and its bit in HELLO.
MODES = {"value": (1, 0x01), "challenge": (2, 0x02), "keyed": (3, 0x04)}
ALL_MODES = 0x07
TRANSPORTS = {"local": 0, "rfcomm": 1, "l2cap": 2, "le": 3}

VALID = 0x60
OUTCOMES = {
    VALID: "valid",
    0x6E: "invalid",
    0x6F: "fail",
    0x01: "unknown",
    0x02: "busy",
    0x03: "malformed",
    0x04: "too far",
}

NO_CLAIM = bytes(16)
NO_NONCE = bytes(32)  # stands for the device's nonce in the tag of an OUTCOME that comes before PROOF
MAXIMUM_PIECE = 128  # bytes of a signature in one SIGN
LONGEST_RECEIVED = HEADER + 33  # OUTCOME: what a device must accept
LONGEST_SENT = HEADER + 1 + MAXIMUM_PIECE  # SIGN
LEAST_SENT = HEADER + 64  # PROOF: what a beacon must accept; pieces of the signature can be as short


class LinkError(Exception):
    """Why the device leaves the link: one line; `reason` is one of malformed, turn, version, modes, beacon, rogue."""

    def __init__(self, text, reason="malformed"):
        super().__init__(text)
        self.reason = reason


def frame(kind, payload):
    """The bytes of a frame: type, length, payload."""
    assert len(payload) in LENGTHS[kind], f"frame {kind} with a payload of {len(payload)} bytes"
    return bytes([kind]) + len(payload).to_bytes(2, "big") + payload


def take_frame(received, kinds=tuple(LENGTHS)):
    """Takes the first whole frame out of a bytearray: (type, payload), or None if more bytes are needed.

    `kinds`: the types that may come. Raises LinkError as soon as the bytes that are there cannot become such a frame.
    """
    if not received:
        return None
    kind = received[0]
    if kind not in kinds:
        raise LinkError(f"frame type 0x{kind:02x} may not come")
    if len(received) < HEADER:
        return None
    length = int.from_bytes(received[1:HEADER], "big")
    if length not in LENGTHS[kind]:
        raise LinkError(f"frame type {kind} with a payload of {length} bytes")
    if len(received) < HEADER + length:
        return None
    payload = bytes(received[HEADER : HEADER + length])
    del received[: HEADER + length]
    _check_fields(kind, payload)
    return kind, payload


def _check_fields(kind, payload):
    allowed = {READY: (1, 2), CLAIM: (3,), SIGN: (0, 1), OUTCOME: OUTCOMES}.get(kind)
    if allowed is not None and payload[0] not in allowed:
        raise LinkError(f"frame type {kind} begins with {payload[0]}, which is not defined")


def tag(key, *parts):
    """HMAC-SHA256 under `key` over the parts, 32 bytes."""
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def keyed_key(value, word):
    """K(word) of keyed mode; the word is b"claim", b"device" or b"beacon"."""
    return tag(value, b"SRUP proof link keyed ", word)


@dataclass(frozen=True)
class Parties:
    """Who talks with whom, how, and in which modes. Identities are 64-bit numbers.

    `modes`: the first one that HELLO offers is used. Value mode stands alone: nothing falls back to it.
    """

    device: int
    server: int
    beacon: int
    transport: str
    modes: tuple = ("keyed", "challenge")

    def __post_init__(self):
        if not self.modes or ("value" in self.modes and len(self.modes) > 1):
            raise ValueError(f"modes {self.modes}")


class DeviceLink:
    """One link. The value may be known before it, or come while it waits: `take_value`.

    hello --HELLO--> ready ----CHALLENGE--> (challenged, while there is no value) --> proving --OUTCOME--> over
             '-----> (unclaimed, while there is no value) --> claimed --CHALLENGE---> proving

    - `parties.transport` decides whether `receive` gets pieces of a stream (rfcomm, local) or packets.
    - `sign(bytes)` gives the RSASSA-PKCS1-v1_5 SHA-256 signature of the identity key (keyed mode only).
    - `nonce`: 32 bytes, fresh for each link; only tests give it.
    - `largest`: the longest frame that this end can send, 67 to 132 bytes: pieces of the signature are made to fit.
    """

    def __init__(self, parties, sign, value=None, nonce=None, largest=LONGEST_SENT):
        self.parties, self.sign, self.value = parties, sign, value
        self.nonce = nonce or os.urandom(32)
        self.piece = min(MAXIMUM_PIECE, largest - HEADER - 1)
        #: The name of the received OUTCOME; None: not yet.
        self.outcome = None
        #: Whether OUTCOME has shown that the beacon holds the value: only then does it say anything.
        self.proved = False
        #: Why the device left, a LinkError; None: it did not.
        self.left = None
        #: The frames that the last call took, in order and as they may come, for the time limits: pairs of type and payload.
        self.received = []
        self.state = "hello"
        self.mode = None
        self._buffer = bytearray()
        self._is_stream = parties.transport in ("rfcomm", "local")
        self._hello = self._prefix = self._challenge = b""

    @property
    def is_over(self):
        return self.outcome is not None or self.left is not None

    def receive(self, data):
        """Takes bytes of a stream, in any pieces, or one packet. Yields the frames to send, each to be sent at once.

        Iterate to the end: PROOF comes before the device makes its signature, because the beacon measures the time to PROOF.
        """
        self.received = []
        if self.is_over:
            return
        try:
            self._buffer += data
            taken = take_frame(self._buffer, FROM_BEACON)
            if not self._is_stream and (taken is None or self._buffer):
                raise LinkError(f"a packet of {len(data)} bytes is not one frame")
            while taken is not None:
                yield from self._handle(*taken)
                self.received.append(taken)
                # What follows the end of the link, in the same piece, is not looked at.
                taken = None if self.is_over else take_frame(self._buffer, FROM_BEACON)
        except LinkError as error:
            self.left = error

    def take_value(self, value):
        """The value, 16 bytes, has come from the server. Yields the frames to send.

        A value that comes after a claim or a proof is ignored: they were made with the earlier one.
        """
        if self.is_over or self.state in ("claimed", "proving"):
            return
        self.value = value
        if self.state == "unclaimed":
            yield self._claim()
        elif self.state == "challenged":
            yield from self._prove()

    # --- What each frame means --------------------------------------------------------------------------------------

    def _handle(self, kind, payload):
        if kind == OUTCOME:
            self._end(payload[0], payload[1:])
        elif kind == HELLO and self.state == "hello":
            yield self._greet(payload)
        elif kind == WAIT and self.state in ("ready", "unclaimed", "claimed"):
            pass
        elif kind == CHALLENGE and self.state in ("ready", "claimed"):
            self._challenge = payload
            self.state = "challenged"
            if self.value:
                yield from self._prove()
        else:
            raise LinkError(f"frame type {kind} is out of order", "turn")

    def _greet(self, payload):
        version, modes, named = payload[0], payload[1], int.from_bytes(payload[2:10], "big")
        if version != VERSION:
            raise LinkError(f"the beacon speaks version {version} of the proof link, wanted {VERSION}", "version")
        self.mode = next((mode for mode in self.parties.modes if modes & MODES[mode][1]), None)
        if self.mode is None:
            raise LinkError(f"the beacon does not offer {' or '.join(self.parties.modes)} mode", "modes")
        # A private beacon does not name itself. Its tags hold its identity, so only the one that we mean can make them.
        is_private = named == 0 and modes & ALL_MODES == MODES["keyed"][1]
        if named != self.parties.beacon and not is_private:
            raise LinkError(f"this is beacon {named:016x}, not {self.parties.beacon:016x}", "beacon")
        self._hello = payload
        if self.mode != "keyed":
            self.state = "ready"
            return frame(READY, bytes([MODES[self.mode][0]]) + _id(self.parties.device))
        self._prefix = (
            bytes([VERSION, modes, MODES["keyed"][0]])
            + payload[10:]  # link nonce
            + _id(self.parties.beacon)
            + _id(self.parties.device)
            + _id(self.parties.server)
            + bytes([TRANSPORTS[self.parties.transport]])
        )
        return self._claim()

    def _claim(self):
        self.state = "claimed" if self.value else "unclaimed"
        claim = tag(keyed_key(self.value, b"claim"), self._prefix)[:16] if self.value else NO_CLAIM
        return frame(CLAIM, bytes([MODES["keyed"][0]]) + claim)

    def _prove(self):
        self.state = "proving"
        if self.mode == "value":
            yield frame(VALUE, self.value)
        elif self.mode == "challenge":
            proof = tag(self.value, b"SRUP proof link v1 device", self._context())
            yield frame(PROOF, self.nonce + proof)
        else:
            proof = tag(keyed_key(self.value, b"device"), self._prefix, self._challenge, self.nonce)
            yield frame(PROOF, self.nonce + proof)
            signed = b"SRUP proof link keyed signature" + self._prefix + self._challenge + self.nonce + proof
            yield from sign_frames(self.sign(signed), self.piece)

    def _context(self):
        """What the tags of challenge mode are made over: link nonce, challenge, device nonce, beacon id, device id."""
        nodes = _id(self.parties.beacon) + _id(self.parties.device)
        return self._hello[10:] + self._challenge + self.nonce + nodes

    def _end(self, status, received):
        self.proved = any(hmac.compare_digest(received, wanted) for wanted in self._wanted_tags(status))
        if status == VALID and not self.proved and not (self.mode == "value" and self.state == "proving"):
            raise LinkError("the beacon says valid and does not hold the value: it is an impostor", "rogue")
        self.outcome = OUTCOMES[status]

    def _wanted_tags(self, status):
        if self.state != "proving" or self.mode == "value":
            return []
        if self.mode == "challenge":
            wanted = tag(self.value, b"SRUP proof link v1 beacon", self._context(), bytes([status]))
            return [wanted] if status == VALID else []
        key = keyed_key(self.value, b"beacon")
        # The beacon may have ended the link before PROOF reached it; valid, it says only after PROOF (L65).
        nonces = (self.nonce,) if status == VALID else (self.nonce, NO_NONCE)
        return [tag(key, self._prefix, self._challenge, nonce, bytes([status])) for nonce in nonces]


def sign_frames(signature, piece=MAXIMUM_PIECE):
    """The SIGN frames of a signature, in pieces of this length, the last one marked."""
    pieces = [signature[at : at + piece] for at in range(0, len(signature), piece)]
    return [frame(SIGN, bytes([at == len(pieces) - 1]) + piece) for at, piece in enumerate(pieces)]


def _id(number):
    return number.to_bytes(8, "big")
