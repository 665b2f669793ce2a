#!/usr/bin/env python3
"""Devices for `srup-bench prove`: the one of Examples/Python with one usual mistake in it, or none.

Usage: broken_device.py MISTAKE link KEY              the link alone: the value comes on standard input
       broken_device.py MISTAKE join OPTION...        srup_device join
       broken_device.py none c99 PROGRAM KEY CERT TLS-KEY    the program of Examples/C99, with the SRUP half of Examples/Python

MISTAKE is a function of this file, or none. The rest comes in the variables of prove.
"""

import dataclasses
import os
import pathlib
import subprocess
import sys
import threading

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "Examples" / "Python"))

from srup_device import messages, prooflink, prover, transport  # noqa: E402
from srup_device.keys import load_private_key, load_public_key  # noqa: E402


def identity(name):
    return messages.identity_from(os.environ[name])


# --- The mistakes ---------------------------------------------------------------------------------------------------------


def ready_order():
    """The device's id in READY is little-endian."""
    right = prooflink.DeviceLink._greet

    def wrong(link, payload):
        frame = right(link, payload)
        return frame[:4] + frame[4:][::-1] if frame[0] == prooflink.READY else frame

    prooflink.DeviceLink._greet = wrong


def tag_order():
    """The device's id in the tag of PROOF is little-endian."""

    def context(link):
        nodes = prooflink._id(link.parties.beacon) + link.parties.device.to_bytes(8, "little")
        return link._hello[10:] + link._challenge + link.nonce + nodes

    prooflink.DeviceLink._context = context


def value_as_text():
    """The value is used as the 32 digits that were sealed."""
    right = prooflink.tag

    def tag(key, *parts):
        return right(key.hex().encode() if len(key) == 16 else key, *parts)

    prooflink.tag = tag


def trusts_untagged():
    """valid without a tag ends the attempts."""

    def end(link, status, received):
        link.outcome, link.proved = prooflink.OUTCOMES[status], status == prooflink.VALID

    prooflink.DeviceLink._end = end


def any_beacon():
    """The HELLO of another beacon is answered."""
    right = prooflink.DeviceLink._greet

    def greet(link, payload):
        link.parties = dataclasses.replace(link.parties, beacon=int.from_bytes(payload[2:10], "big"))
        return right(link, payload)

    prooflink.DeviceLink._greet = greet


def one_frame_a_read():
    """What a read brings beside its first frame is dropped."""
    right = prooflink.take_frame

    def take_frame(received, kinds=tuple(prooflink.LENGTHS)):
        taken = right(received, kinds)
        if taken is not None:
            received.clear()
        return taken

    prooflink.take_frame = take_frame


def prefix_without_modes():
    """In keyed mode the prefix has no modes."""
    right = prooflink.tag

    def tag(key, prefix, *rest):
        if len(prefix) == 44:
            prefix = prefix[:1] + prefix[2:]
        return right(key, prefix, *rest)

    prooflink.tag = tag


def pss():
    """The signature in keyed mode is PSS."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    form = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    messages.sign = lambda key, data: key.sign(data, form, hashes.SHA256())


def sequence_reused():
    """Sequence ids begin again after each restart."""
    from srup_device import state

    state.State.next_sequence = lambda self: 2**52 + 16


def ignores_response():
    """The server's RESPONSE is not read."""
    from srup_device import device

    device.Device._decided = lambda *_: None


def talks_after_outcome():
    """Something is sent after OUTCOME."""
    right = prooflink.DeviceLink.receive

    def receive(link, data):
        yield from right(link, data)
        if link.outcome is not None:
            yield bytes([prooflink.READY, 0, 9, 2]) + bytes(8)

    prooflink.DeviceLink.receive = receive


def any_signature():
    """The signatures of messages are not checked."""
    messages.Frame.verified = lambda frame, key: frame._message


def stores_each_id():
    """The sequence id of a command for another device is stored."""
    from srup_device import device

    right = device.Device._command

    def command(member, message):
        if not member._names_us(message.token):
            member.state.accept(message.sequence)
        right(member, message)

    device.Device._command = command


MISTAKES = [
    ready_order, tag_order, value_as_text, trusts_untagged, any_beacon, one_frame_a_read, prefix_without_modes, pss,
    sequence_reused, ignores_response, talks_after_outcome, any_signature, stores_each_id,
]  # fmt: skip

# --- The devices ----------------------------------------------------------------------------------------------------------


def link_alone(key_file):
    """Ends when a beacon has said valid with the value's tag; in value mode, which has none, when it has said valid."""
    mode, done, said = os.environ["PROVE_MODE"], threading.Event(), []

    def say(text):
        said.append(text)
        print(f"device: {text}", flush=True)
        if text.startswith("the beacon says: valid") and (mode == "value" or "shown that it holds" in text):
            done.set()

    modes = (mode,) if mode else ("keyed", "challenge")
    key = load_private_key(key_file)
    place = prover.Place(identity("PROVE_BEACON"), transport.parse(os.environ["PROVE_LINK"]))
    adapter = transport.bluetooth_address(os.environ["DEVICE_ADAPTER"]) if "DEVICE_ADAPTER" in os.environ else transport.ANY
    thread = prover.Prover(
        identity("PROVE_DEVICE"), identity("PROVE_SERVER"), [place], modes, lambda data: messages.sign(key, data), adapter, say
    )
    thread.start()
    digits = sys.stdin.readline().strip()
    thread.give(bytes.fromhex(digits))
    done.wait(300)
    thread.stop()
    return 0 if done.is_set() else 1


class CProver:
    """Stands for a Prover: the C program opens the links."""

    is_proving, fault = False, None

    def __init__(self, *command):
        self._command, self._process = command, None

    def start(self):
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, text=True)

    def is_alive(self):
        return self._process is not None

    def give(self, value):
        self._process.stdin.write(value.hex() + "\n")
        self._process.stdin.flush()

    def stop(self):
        self._process.kill()
        self._process.wait()


def joins_by_c(program, key_file, certificate, tls_key):
    """The exit status of srup_device: 0 joined."""
    from srup_device import cli
    from srup_device.broker import Broker
    from srup_device.device import Device, Node
    from srup_device.state import State

    device, server, beacon = (identity(f"PROVE_{name}") for name in ("DEVICE", "SERVER", "BEACON"))
    host, _, port = os.environ["PROVE_BROKER"].rpartition(":")
    node = Node(device, load_private_key(key_file), server, load_public_key(os.environ["PROVE_SERVER_KEY"]))
    names = [os.environ[f"PROVE_{name}"] for name in ("DEVICE", "SERVER", "BEACON")]
    links = CProver(program, os.environ["PROVE_LINK"], *names, key_file, os.environ["PROVE_MODE"] or "either")
    with State(os.environ["PROVE_STATE"], device, server, key_file) as state:
        with Broker(device, host, int(port), os.environ["PROVE_BROKER_CA"], certificate, tls_key) as broker:
            return cli.STATUS[Device(node, state, broker).join("observed", 100, beacon, links)]


def main(mistake, what, *arguments):
    if mistake != "none":
        {one.__name__: one for one in MISTAKES}[mistake]()
    if what == "link":
        return link_alone(*arguments)
    if what == "c99":
        return joins_by_c(*arguments)
    from srup_device import cli

    return cli.main(["join", *arguments])


sys.exit(main(*sys.argv[1:]))
