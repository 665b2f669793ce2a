"""Keys and the files that hold them: private ones are for their owner only."""

import os
import stat
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

LARGEST_FILE = 64 * 1024
MINIMUM_BITS, MAXIMUM_BITS = 2_048, 16_384


class Fault(Exception):
    """What the operator can fix: a message, and a hint that says what to do."""

    def __init__(self, message, hint):
        super().__init__(message)
        self.hint = hint


def read_file(path):
    """The bytes of a regular file, at most 64 KiB. Raises Fault."""
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise Fault(f"{path} could not be read: {error.strerror}", "check the path and its permissions") from None
    if len(data) > LARGEST_FILE:
        raise Fault(f"{path} is longer than {LARGEST_FILE} bytes", "check the path")
    return data


def write_file(path, data, mode=0o600):
    """Replaces a file, atomically and so that it survives a power cut. A private file is never readable by others, at no moment."""
    path = Path(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def new_key(bits):
    """A new RSA private key."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=bits)


def private_pem(key):
    """An RSA private key as PEM (PKCS#8), not encrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_pem(key):
    """An RSA public key as PEM (SPKI)."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def public_der(key):
    """An RSA public key as DER (SPKI)."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def read_private(path):
    """The bytes of a file that only its owner can access. Raises Fault."""
    data = read_file(path)
    if stat.S_IMODE(os.stat(path).st_mode) & 0o077:
        raise Fault(f"{path} can be accessed by others than its owner", f"run: chmod 600 {path}")
    return data


def load_private_key(path):
    """The RSA private key in a file that only its owner can access. Raises Fault."""
    data = read_private(path)
    try:
        key = serialization.load_pem_private_key(data, None)
    except (ValueError, TypeError):
        raise Fault(f"{path} is not a private key in PEM, without a passphrase", "check the path") from None
    return _checked(key, rsa.RSAPrivateKey, path)


def public_key(pem, where):
    """The RSA public key in PEM. Raises Fault."""
    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError:
        raise Fault(f"{where} is not a public key in PEM", "check the path") from None
    return _checked(key, rsa.RSAPublicKey, where)


def load_public_key(path):
    """The RSA public key in a file. Raises Fault."""
    return public_key(read_file(path), path)


def _checked(key, kind, where):
    if not isinstance(key, kind) or not MINIMUM_BITS <= key.key_size <= MAXIMUM_BITS:
        raise Fault(f"{where} is not an RSA key of {MINIMUM_BITS} to {MAXIMUM_BITS} bits", "check the path")
    return key
