"""Opening a sealed value (docs/protocol.md, section 5): the 128-bit value, encrypted to our key by the server."""

import hmac
import os
import struct

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 16
AES_KEY = 32
HEXADECIMAL = b"0123456789abcdefABCDEF"


class NotAValue(Exception):
    """The sealed value does not open, or opens and is not a value. It does not say which."""


def open_value(sealed, key):
    """The 16 bytes of the value. `sealed` is a field of a message whose signature is already verified.

    Raises NotAValue. Every fault behind the lengths takes the same path: a wrapped key that does not open is replaced by a random
    one, and the rest is done as usual.
    """
    wrapped, vector, ciphertext, plain_length = _parts(sealed, key.key_size // 8)
    aes_key = os.urandom(AES_KEY)
    try:
        unwrapped = key.decrypt(wrapped, padding.PKCS1v15())
    except ValueError:
        unwrapped = b""
    # OpenSSL 3.2 and later gives random bytes, of a random length, for a wrong padding.
    if len(unwrapped) == AES_KEY:
        aes_key = unwrapped
    decryptor = Cipher(algorithms.AES(aes_key), modes.CBC(vector)).decryptor()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    fill = len(ciphertext) - plain_length
    is_padded = hmac.compare_digest(padded[plain_length:], bytes([fill]) * fill)
    value = _value(padded[:plain_length])
    if not is_padded or value is None:
        raise NotAValue("the sealed value does not open")
    return value


def _parts(sealed, modulus):
    """Wrapped key, IV, ciphertext, length of the plain text. Each length is checked against the others before anything opens."""
    # Lengths are little-endian and signed: a negative one is never equal to the length that must be there.
    try:
        (wrapped_length,) = struct.unpack_from("<i", sealed, 0)
        if wrapped_length != modulus:
            raise NotAValue("not sealed to this key")
        at = 4 + modulus
        ciphertext_length, plain_length = struct.unpack_from("<ii", sealed, at + BLOCK)
    except struct.error:
        raise NotAValue("the sealed value is too short") from None
    ciphertext = sealed[at + BLOCK + 8 :]
    # PKCS#7 adds 1 to 16 bytes and fills up the block: the one relation that both lengths must have.
    if plain_length < 0 or not len(ciphertext) == ciphertext_length == (plain_length // BLOCK + 1) * BLOCK:
        raise NotAValue("the lengths in the sealed value contradict each other")
    return sealed[4:at], sealed[at : at + BLOCK], ciphertext, plain_length


def _value(plain):
    """The value: 16 raw bytes, or 32 hexadecimal digits of either case; None for anything else."""
    if len(plain) == 16:
        return plain
    if len(plain) == 32 and all(digit in HEXADECIMAL for digit in plain):
        return bytes.fromhex(plain.decode("ascii"))
    return None
