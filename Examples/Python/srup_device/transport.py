"""The sockets of the proof link (docs/proof-link.md, "Transports"): where a beacon is, and how to connect to it."""

import ctypes
import errno
import os
import re
import select
import socket
import struct
from dataclasses import dataclass

from .keys import Fault

# The kernel's numbers. Python's socket module knows them only where it was built with BlueZ's headers, and has LE addresses only
# since 3.14, so that Bluetooth addresses are made here, and given to connect(2) of the C library.
AF_BLUETOOTH, BTPROTO_L2CAP, BTPROTO_RFCOMM = 31, 0, 3
ADDRESS_TYPES = {"l2cap": 0, "le": 1, "le-random": 2}
DEFAULTS = {"rfcomm": 21, "l2cap": 0x1035, "le": 0x00D5, "le-random": 0x00D5}
ANY = bytes(6)
LONGEST_PATH = 107
SOL_L2CAP, L2CAP_OPTIONS = 6, 1
SOL_BLUETOOTH, BT_SNDMTU, BT_RCVMTU = 274, 12, 13

# A failed connect that may succeed later: the beacon restarts, is busy, or is out of range at the moment.
MAY_PASS = {
    errno.EAGAIN, errno.EALREADY, errno.EBUSY, errno.ECONNABORTED, errno.ECONNREFUSED, errno.ECONNRESET,
    errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.EINTR, errno.ENETDOWN, errno.ENODEV, errno.ENOENT, errno.EPIPE,
    errno.ETIMEDOUT,
}  # fmt: skip

# A connection over Bluetooth that people must make possible: no pairing, or no such kind of Bluetooth at one end.
NEEDS_PEOPLE = {errno.EACCES, errno.EBADE, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT}


@dataclass(frozen=True)
class Address:
    """Where a beacon's link is: `kind` is local, rfcomm, l2cap, le or le-random (the beacon's LE address is a random one)."""

    kind: str
    path: str = ""
    bluetooth: bytes = ANY  # most significant byte first, as it is written
    number: int = 0  # channel or PSM

    @property
    def transport(self):
        """The transport's name in the proof link."""
        return "le" if self.kind == "le-random" else self.kind

    def __str__(self):
        if self.kind == "local":
            return f"local:{self.path}"
        return f"{self.kind}:{self.bluetooth.hex(':').upper()}/{self.number:#x}"


def bluetooth_address(text):
    """The 6 bytes of AA:BB:CC:DD:EE:FF. Raises ValueError."""
    if not re.fullmatch(r"([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}", text, re.ASCII):
        raise ValueError(f'"{text}" is not a Bluetooth address')
    return bytes.fromhex(text.replace(":", ""))


def parse(text):
    """An address, from local:PATH, rfcomm:ADDR[/CHANNEL], l2cap:ADDR[/PSM], le:ADDR[/PSM] or le-random:ADDR[/PSM].

    Raises ValueError.
    """
    kind, _, rest = text.partition(":")
    if kind == "local" and rest:
        if len(os.fsencode(rest)) > LONGEST_PATH:
            raise ValueError(f"{rest} is longer than {LONGEST_PATH} bytes")
        return Address(kind, path=rest)
    place, slash, number = rest.partition("/")
    if kind not in DEFAULTS or (slash and not re.fullmatch(r"[0-9]{1,5}|0x[0-9A-Fa-f]{1,4}", number, re.ASCII)):
        raise ValueError(f'"{text}" is not an address of a beacon')
    port = int(number, 16 if number.startswith("0x") else 10) if slash else DEFAULTS[kind]
    if not 1 <= port <= (30 if kind == "rfcomm" else 0xFFFF):
        raise ValueError(f'"{number}" is not a channel or PSM')
    return Address(kind, bluetooth=bluetooth_address(place), number=port)


def socket_address(address):
    """The bytes of sockaddr_rc or sockaddr_l2. Addresses are least significant byte first there."""
    family, place = struct.pack("=H", AF_BLUETOOTH), address.bluetooth[::-1]
    if address.kind == "rfcomm":
        return family + struct.pack("6sBx", place, address.number)
    return family + struct.pack("<H6sHBx", address.number, place, 0, ADDRESS_TYPES[address.kind])


def connect(address, adapter=ANY, timeout=20.0):
    """A connected socket. `adapter`: the local Bluetooth adapter's address.

    Raises OSError; Fault if this machine cannot do it at all.
    """
    if address.kind == "local":
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    else:
        is_stream = address.kind == "rfcomm"
        try:
            made = socket.socket(
                AF_BLUETOOTH,
                socket.SOCK_STREAM if is_stream else socket.SOCK_SEQPACKET,
                BTPROTO_RFCOMM if is_stream else BTPROTO_L2CAP,
            )
        except OSError as error:
            if error.errno not in (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT):
                raise
            raise Fault("this machine's kernel has no Bluetooth", "use a machine with a Bluetooth adapter") from None
    try:
        if address.kind == "local":
            made.settimeout(timeout)
            made.connect(address.path)
        else:
            _connect_bluetooth(made, address, adapter, timeout)
    except BaseException:
        made.close()
        raise
    return made


def packet_sizes(made, transport):
    """The longest packets (MTU) on a channel, in bytes: (sent, received). None on a stream, and where the kernel does not tell."""
    try:
        if transport == "l2cap":  # struct l2cap_options begins with omtu and imtu
            return struct.unpack_from("=HH", made.getsockopt(SOL_L2CAP, L2CAP_OPTIONS, 12))
        if transport == "le":
            return tuple(struct.unpack("=H", made.getsockopt(SOL_BLUETOOTH, of, 2))[0] for of in (BT_SNDMTU, BT_RCVMTU))
    except OSError:
        pass
    return None


def _connect_bluetooth(made, address, adapter, timeout):
    made.setblocking(False)
    # An LE connect needs an LE address at both ends.
    if adapter != ANY or address.transport == "le":
        kind = "le" if address.transport == "le" else address.kind
        _call("bind", made, socket_address(Address(kind, bluetooth=adapter)))
    try:
        _call("connect", made, socket_address(address))
    except BlockingIOError:
        waiting = select.poll()
        waiting.register(made, select.POLLOUT)
        if not waiting.poll(timeout * 1000):
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from None
        error = made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error)) from None


def _call(name, made, where):
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    if function(made.fileno(), where, len(where)) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def read(made):
    """What has arrived, at most a frame and a byte; b"" at the end of the link. Call it when the socket is readable."""
    # At the end of an L2CAP channel and of RFCOMM, the kernel reports the end before the bytes that came before it.
    for _ in range(2):
        try:
            data = made.recv(516)
        except (BlockingIOError, TimeoutError):
            return b""
        except OSError:
            continue
        if data:
            return data
    return b""
