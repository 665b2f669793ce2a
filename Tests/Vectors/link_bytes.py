"""The bytes of the proof link, version 1, from docs/proof-link.md alone: frames, tags, signatures. None of this project's code is used:
HMAC and SHA-256 are Python's, the signatures are made by the openssl command with the test keys."""

import contextlib
import hashlib
import hmac
import pathlib
import shutil
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
MODES = {"value": 1, "challenge": 2, "keyed": 3}
MODE_BITS = {"value": 1, "challenge": 2, "keyed": 4}
TRANSPORTS = {"local": 0, "rfcomm": 1, "l2cap": 2, "le": 3}
STATUS = {"valid": 0x60, "invalid": 0x6E, "fail": 0x6F, "unknown": 1, "busy": 2, "malformed": 3, "too far": 4}
NO_TAG = bytes(32)
NO_NONCE = bytes(32)
LONGEST_PIECE = 128


# --- Bytes


def some(label, count):
    """Bytes that look random and are the same in each run."""
    return hashlib.shake_256(("srup proof link vectors: " + label).encode()).digest(count)


def big(number, count):
    return number.to_bytes(count, "big")


def frame(kind, payload):
    return bytes([kind]) + big(len(payload), 2) + payload


def hello(modes, beacon, nonce, version=1):
    return frame(0x01, bytes([version, modes]) + beacon + nonce)


def ready(mode, device):
    return frame(0x02, bytes([MODES[mode]]) + device)


def wait(seconds):
    return frame(0x03, big(seconds, 2))


def challenge_frame(challenge):
    return frame(0x04, challenge)


def proof(nonce, tag):
    return frame(0x05, nonce + tag)


def value_frame(value):
    return frame(0x06, value)


def outcome(status, tag=NO_TAG):
    return frame(0x07, bytes([STATUS[status]]) + tag)


def claim_frame(claim):
    return frame(0x08, bytes([MODES["keyed"]]) + claim)


def sign_frames(signature, piece=LONGEST_PIECE):
    """SIGN, in pieces of so many bytes; the last has what remains."""
    pieces = [signature[at : at + piece] for at in range(0, len(signature), piece)]
    return [frame(0x09, bytes([at == len(pieces) - 1]) + data) for at, data in enumerate(pieces)]


# --- HMAC and signatures


def mac(key, message):
    return hmac.new(key, message, hashlib.sha256).digest()


def keyed_key(value, word):
    """K(word) of keyed mode."""
    return mac(value, b"SRUP proof link keyed " + word.encode())


def signature_of(key, message):
    """RSASSA-PKCS1-v1_5 with SHA-256: the same bytes each time."""
    file = HERE / "keys" / (key + ".pkcs8.pem")
    made = subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", str(file)], input=message, capture_output=True, check=True
    )
    return made.stdout


@contextlib.contextmanager
def owned_keys(keys=HERE / "keys"):
    """A folder with copies of the private keys that only their owner can read: git keeps no 0600, and programs refuse other files."""
    with tempfile.TemporaryDirectory(prefix="srup-keys.") as folder:
        for key in sorted(pathlib.Path(keys).glob("*.pkcs8.pem")):
            copy = pathlib.Path(folder) / key.name
            copy.touch(0o600)
            shutil.copyfile(key, copy)
        yield pathlib.Path(folder)
