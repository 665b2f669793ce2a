"""SRUP frames of version 5, from docs/protocol.md alone (sections 1, 2 and 5), with the openssl command and the test keys. For the vectors and
for trying devices: what it does not expect is an AssertionError, so it is not an example for a program that faces strangers."""

import dataclasses
import subprocess

from link_bytes import HERE, signature_of

NAMES = {
    0x02: "RESPONSE",
    0x05: "DATA",
    0x09: "JOIN_REQ",
    0x0A: "JOIN_CMD",
    0x0D: "OBS_JOIN_REQ",
    0x0E: "OBS_JOIN_RESP",
    0x0F: "OBSERVE_REQ",
}


@dataclasses.dataclass
class Message:
    """One frame, taken apart. Identifiers are 16 digits, as the number is written."""

    kind: int
    sequence: int
    sender: str
    token: bytes
    signature: bytes
    signed: bytes
    body: bytes

    @property
    def name(self):
        return NAMES.get(self.kind, f"{self.kind:02x}")

    def is_signed_by(self, key):
        """RSASSA-PKCS1-v1_5 is deterministic: signing again gives the signature."""
        return self.signature == signature_of(key, self.signed)

    def fields(self):
        """What follows the signature, by name."""
        if self.name == "RESPONSE":
            return {"status": f"{self.body[0]:02x}"}
        if self.name == "OBS_JOIN_REQ":
            return {"observer": self.body[::-1].hex()}
        if self.name == "OBS_JOIN_RESP":
            return {"sealed_hex": lv(self.body)[0].hex()}
        if self.name == "OBSERVE_REQ":
            return {"joining": self.body[7::-1].hex(), "sealed_hex": lv(self.body[8:])[0].hex()}
        if self.name == "DATA":
            name, rest = lv(self.body)
            return {"data_id": name.decode(), "data_hex": lv(rest)[0].hex()}
        return {}


def lv(data):
    """The bytes behind a big-endian length, and what follows them."""
    end = 2 + int.from_bytes(data[:2], "big")
    assert len(data) >= end, "truncated"
    return data[2:end], data[end:]


def read(payload):
    assert payload[0] == 5, "another version"
    token, rest = lv(payload[18:])
    signature, body = lv(rest)
    return Message(
        payload[1],
        int.from_bytes(payload[2:10], "little"),
        payload[17:9:-1].hex(),
        token,
        signature,
        payload[: 20 + len(token)] + body,
        body,
    )


def made(kind, sequence, sender, token, body, key):
    """A signed frame."""
    head = bytes([5, kind]) + sequence.to_bytes(8, "little") + bytes.fromhex(sender)[::-1] + len(token).to_bytes(2, "big") + token
    signature = signature_of(key, head + body)
    return head + len(signature).to_bytes(2, "big") + signature + body


def unsealed(sealed, key):
    """The plain text of a sealed value."""
    count = int.from_bytes(sealed[:4], "little")
    wrapped, rest = sealed[4 : 4 + count], sealed[4 + count :]
    iv, lengths, cipher = rest[:16], rest[16:24], rest[24:]
    assert int.from_bytes(lengths[:4], "little") == len(cipher), "another length"
    file = str(HERE / "keys" / (key + ".pkcs8.pem"))
    aes = openssl(["pkeyutl", "-decrypt", "-inkey", file, "-pkeyopt", "rsa_padding_mode:pkcs1"], wrapped)
    plain = openssl(["enc", "-d", "-aes-256-cbc", "-K", aes.hex(), "-iv", iv.hex()], cipher)
    assert int.from_bytes(lengths[4:], "little") == len(plain), "another length"
    return plain


def openssl(arguments, data):
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout
