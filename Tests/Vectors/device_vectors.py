"""The rules of the device's end of a proof link, one fact each (docs/vectors.md): what arrives, what the device sends, and where it
stands then. Each answer is written down from docs/proof-link.md; nothing here runs a device."""

from link_bytes import (
    LONGEST_PIECE,
    MODE_BITS,
    NO_NONCE,
    NO_TAG,
    STATUS,
    TRANSPORTS,
    big,
    challenge_frame,
    claim_frame,
    frame,
    hello,
    keyed_key,
    mac,
    outcome,
    proof,
    ready,
    sign_frames,
    signature_of,
    some,
    value_frame,
    wait,
)

BEACON, DEVICE, SERVER = (bytes.fromhex(digits) for digits in ["bea0000000000001", "d100000000000001", "c200000000000001"])
OTHER_BEACON = bytes.fromhex("bea0000000000002")
LONGEST_FRAME = LONGEST_PIECE + 4
EMPTY_CLAIM = claim_frame(bytes(16))


class Vector:
    """One device link: who speaks with whom, and the steps, each with what the device sends and its state afterwards."""

    def __init__(self, made, name, sentence, mode, transport="local", offers=None, longest=LONGEST_FRAME, key="dev_2048"):
        self.transport, self.mode, self.longest, self.key = transport, mode, longest, key
        self.offered = sum(MODE_BITS[item] for item in offers or (["challenge", "keyed"] if mode == "either" else [mode]))
        self.value, self.link_nonce = some(name + " value", 16), some(name + " link nonce", 16)
        self.challenge, self.nonce = some(name + " challenge", 32), some(name + " device nonce", 32)
        self.named = BEACON
        self.steps, self.waits, self.seconds = [], 0, 0
        made.append(
            {
                "id": name,
                "sentence": sentence,
                "setup": {
                    "device": DEVICE.hex(),
                    "server": SERVER.hex(),
                    "beacon": BEACON.hex(),
                    "transport": transport,
                    "modes": ["keyed", "challenge"] if mode == "either" else [mode],
                    "device_nonce_hex": self.nonce.hex(),
                    "longest_frame": longest,
                    "signing_key": key,
                },
                "steps": self.steps,
            }
        )

    # What happens.

    def feed(self, data, state, *sends):
        """Bytes arrive from the beacon."""
        self.step({"arrives_hex": data.hex()}, state, sends)
        return self

    def tell(self, state, *sends, value=None):
        """The value arrives from the server."""
        self.step({"value_hex": (value or self.value).hex()}, state, sends)
        return self

    def step(self, event, state, sends):
        self.steps.append(
            {**event, "sends_hex": [data.hex() for data in sends], "state": state, "waits": self.waits, "wait_seconds": self.seconds}
        )

    def held(self, seconds, state):
        self.waits, self.seconds = self.waits + 1, seconds
        return self.feed(wait(seconds), state)

    # The frames of both sides.

    @property
    def hello(self):
        return hello(self.offered, self.named, self.link_nonce)

    @property
    def challenged(self):
        return challenge_frame(self.challenge)

    @property
    def ready(self):
        return ready("value" if self.mode == "value" else "challenge", DEVICE)

    def context(self, challenge=None, nonce=None, beacon=BEACON, device=DEVICE):
        return self.link_nonce + (challenge or self.challenge) + (nonce or self.nonce) + beacon + device

    def prefix(self, transport=None, beacon=BEACON, device=DEVICE, server=SERVER):
        transport = TRANSPORTS[transport or self.transport]
        return bytes([1, self.offered, 3]) + self.link_nonce + beacon + device + server + bytes([transport])

    @property
    def claim(self):
        return claim_frame(mac(keyed_key(self.value, "claim"), self.prefix())[:16])

    @property
    def tag(self):
        """Of PROOF in challenge mode."""
        return mac(self.value, b"SRUP proof link v1 device" + self.context())

    @property
    def keyed_tag(self):
        return mac(keyed_key(self.value, "device"), self.prefix() + self.challenge + self.nonce)

    @property
    def proof(self):
        return proof(self.nonce, self.tag)

    @property
    def signed_proof(self):
        """PROOF and SIGN of keyed mode."""
        signed = b"SRUP proof link keyed signature" + self.prefix() + self.challenge + self.nonce + self.keyed_tag
        pieces = sign_frames(signature_of(self.key, signed), min(LONGEST_PIECE, self.longest - 4))
        return [proof(self.nonce, self.keyed_tag), *pieces]

    def answer(self, status="valid", key=None, **changed):
        """The tag of OUTCOME in challenge mode."""
        return mac(key or self.value, b"SRUP proof link v1 beacon" + self.context(**changed) + bytes([STATUS[status]]))

    def keyed_answer(self, status="valid", key=None, challenge=None, nonce=None, **changed):
        """The same in keyed mode."""
        key = key or keyed_key(self.value, "beacon")
        return mac(key, self.prefix(**changed) + (challenge or self.challenge) + (nonce or self.nonce) + bytes([STATUS[status]]))

    # The beginnings that many have in common.

    def until_ready(self):
        return self.tell("hello").feed(self.hello, "ready", self.ready)

    def until_claimed(self):
        return self.tell("hello").feed(self.hello, "claimed", self.claim)

    def until_proved(self):
        if self.mode == "keyed":
            return self.until_claimed().feed(self.challenged, "proving", *self.signed_proof)
        sent = value_frame(self.value) if self.mode == "value" else self.proof
        return self.until_ready().feed(self.challenged, "proving", sent)


def ended(status, tagged):
    return f"ended {STATUS[status]:02x} {'tagged' if tagged else 'untagged'}"


def swapped(identifier):
    return identifier[::-1]


# --- Whole links


def good_challenge(made):
    link = Vector(
        made, "challenge", "A device that has the value proves it when it is challenged, and believes the tagged OUTCOME.", "challenge"
    )
    link.until_proved().feed(outcome("valid", link.answer()), ended("valid", True))
    link = Vector(made, "challenge-page", "The link that the page shows byte by byte.", "challenge")
    made[-1]["setup"].update(device="a1a2a3a4a5a6a7a8", beacon="0102030405060708", device_nonce_hex=bytes(range(0x40, 0x60)).hex())
    tag = "d0e75ea00336a77696b24eec389d0ea99f93fed708238b08d35a27606f65669d"
    link.tell("hello", value=bytes(range(16)))
    link.feed(hello(2, bytes(range(1, 9)), bytes(range(0x10, 0x20))), "ready", ready("challenge", bytes.fromhex("a1a2a3a4a5a6a7a8")))
    link.held(120, "ready").feed(challenge_frame(bytes(range(0x20, 0x40))), "proving", proof(bytes(range(0x40, 0x60)), bytes.fromhex(tag)))
    link.feed(outcome("valid", bytes.fromhex("2b54f48b537df2d7210fd0d33e6774c2dd3e21cfb20e71a6f931d23b6138ff76")), ended("valid", True))
    link = Vector(made, "challenge-value-after-hello", "The value may arrive after READY.", "challenge")
    link.feed(link.hello, "ready", link.ready).tell("ready").feed(link.challenged, "proving", link.proof)
    link.feed(outcome("valid", link.answer()), ended("valid", True))
    link = Vector(
        made, "challenge-value-after-challenge", "The value may arrive after CHALLENGE: the device waits for it, then proves.", "challenge"
    )
    link.feed(link.hello, "ready", link.ready).feed(link.challenged, "challenged").tell("proving", link.proof)
    link.feed(outcome("valid", link.answer()), ended("valid", True))
    link = Vector(made, "challenge-waits", "WAIT may repeat, and the device sends nothing because of it.", "challenge", "rfcomm")
    link.until_ready().held(120, "ready").held(119, "ready").held(0, "ready").held(65535, "ready")
    link.feed(link.challenged, "proving", link.proof).feed(outcome("valid", link.answer()), ended("valid", True))
    link = Vector(made, "challenge-packets", "Over LE each frame is one packet.", "challenge", "le")
    link.until_proved().feed(outcome("valid", link.answer()), ended("valid", True))
    link = Vector(
        made,
        "challenge-where-keyed-is-not-offered",
        "A device of both modes uses challenge mode where keyed mode is not offered.",
        "either",
        offers=["value", "challenge"],
    )
    link.tell("hello").feed(link.hello, "ready", link.ready).feed(link.challenged, "proving", link.proof)
    link.feed(outcome("valid", link.answer()), ended("valid", True))
    link = Vector(
        made,
        "challenge-other-modes-offered",
        "A device of challenge mode uses it beside other modes.",
        "challenge",
        offers=["value", "challenge", "keyed"],
    )
    link.until_proved().feed(outcome("valid", link.answer()), ended("valid", True))
    link = Vector(made, "challenge-unknown-modes", "Bits of the modes that the page does not define are ignored.", "challenge")
    link.offered = 0xF8 | 2
    link.until_proved().feed(outcome("valid", link.answer()), ended("valid", True))
    link = Vector(made, "challenge-value-replaced", "Before CHALLENGE a newer value replaces the older one.", "challenge")
    link.tell("hello", value=some("older", 16)).tell("hello", value=some("old", 16))
    link.feed(link.hello, "ready", link.ready).tell("ready").feed(link.challenged, "proving", link.proof)
    link.feed(outcome("valid", link.answer()), ended("valid", True))
    link = Vector(made, "challenge-value-too-late", "After PROOF another value is ignored.", "challenge")
    link.until_proved().tell("proving", value=some("newer", 16)).feed(outcome("valid", link.answer()), ended("valid", True))


def good_keyed(made):
    for transport in TRANSPORTS:
        link = Vector(
            made, f"keyed-{transport}", f"In keyed mode over {transport} the device claims, proves and signs.", "keyed", transport
        )
        link.until_proved().feed(outcome("valid", link.keyed_answer()), ended("valid", True))
    for bits in [3072, 4096]:
        link = Vector(
            made, f"keyed-{bits}-bits", f"A signature of {bits} bits is sent in more pieces.", "keyed", "l2cap", key=f"dev_{bits}"
        )
        link.until_proved().feed(outcome("valid", link.keyed_answer()), ended("valid", True))
    link = Vector(made, "keyed-value-after-claim", "Without a value CLAIM has zeros; it is sent again when the value arrives.", "keyed")
    link.feed(link.hello, "unclaimed", EMPTY_CLAIM).held(120, "unclaimed").tell("claimed", link.claim)
    link.feed(link.challenged, "proving", *link.signed_proof).feed(outcome("valid", link.keyed_answer()), ended("valid", True))
    link = Vector(
        made, "keyed-value-ignored-after-claim", "After a claim another value is ignored: the link speaks of the claimed one.", "keyed"
    )
    link.until_claimed().tell("claimed", value=some("newer", 16)).feed(link.challenged, "proving", *link.signed_proof)
    link.feed(outcome("valid", link.keyed_answer()), ended("valid", True))
    link = Vector(made, "keyed-waits", "A claim waits for the request, too.", "keyed")
    link.until_claimed().held(60, "claimed").held(59, "claimed").feed(link.challenged, "proving", *link.signed_proof)
    link.feed(outcome("valid", link.keyed_answer()), ended("valid", True))
    link = Vector(
        made,
        "keyed-preferred",
        "A device of both modes uses keyed mode where it is offered; the prefix has all offered modes.",
        "either",
        offers=["value", "challenge", "keyed"],
    )
    link.until_claimed().feed(link.challenged, "proving", *link.signed_proof)
    link.feed(outcome("valid", link.keyed_answer()), ended("valid", True))
    link = Vector(
        made, "keyed-private", "A beacon that offers keyed mode alone need not name itself; the prefix has the real id.", "keyed", "le"
    )
    link.named = bytes(8)
    link.until_proved().feed(outcome("valid", link.keyed_answer()), ended("valid", True))
    link = Vector(made, "keyed-unknown-modes", "Unknown bits of the modes are in the prefix as they came.", "keyed")
    link.offered = 0x80 | 0x08 | 6
    link.until_proved().feed(outcome("valid", link.keyed_answer()), ended("valid", True))
    link = Vector(made, "keyed-private-unknown-modes", "A private beacon stays one where unknown bits are set: they are ignored.", "keyed")
    link.named, link.offered = bytes(8), 0x80 | 4
    link.until_proved().feed(outcome("valid", link.keyed_answer()), ended("valid", True))


def good_value(made):
    link = Vector(
        made,
        "value",
        "In value mode CHALLENGE is the signal to send the value; no OUTCOME shows anything.",
        "value",
        offers=["value", "challenge"],
    )
    link.until_proved().feed(outcome("valid"), ended("valid", False))
    link = Vector(made, "value-late", "In value mode, too, the value may arrive after CHALLENGE.", "value", "rfcomm")
    link.feed(link.hello, "ready", link.ready).feed(link.challenged, "challenged").tell("proving", value_frame(link.value))
    link.feed(outcome("valid"), ended("valid", False))
    link = Vector(made, "value-tag-shows-nothing", "A tag in an OUTCOME of value mode is not looked at.", "value")
    link.until_proved().feed(outcome("valid", link.answer()), ended("valid", False))
    link = Vector(made, "value-invalid", "OUTCOME invalid ends a link of value mode.", "value")
    link.until_proved().feed(outcome("invalid"), ended("invalid", False))


# --- Pieces


def pieces(made):
    link = Vector(
        made,
        "joined-hello-challenge",
        "HELLO and CHALLENGE in one piece, with the value known: READY and PROOF, 79 bytes, are sent.",
        "challenge",
    )
    link.tell("hello").feed(link.hello + link.challenged, "proving", link.ready, link.proof)
    link.feed(outcome("valid", link.answer()), ended("valid", True))
    link = Vector(made, "joined-keyed", "HELLO and CHALLENGE in one piece in keyed mode: CLAIM, PROOF and SIGN are sent.", "keyed")
    link.tell("hello").feed(link.hello + link.challenged, "proving", link.claim, *link.signed_proof)
    link.feed(outcome("valid", link.keyed_answer()), ended("valid", True))
    link = Vector(made, "joined-all", "A whole link in one piece is answered up to its end.", "challenge")
    link.tell("hello").feed(link.hello + link.challenged + outcome("valid", link.answer()), ended("valid", True), link.ready, link.proof)
    link = Vector(made, "joined-left", "What came before a bad frame in the same piece is answered.", "challenge")
    link.tell("hello").feed(link.hello + b"\xff", "left malformed", link.ready)
    link = Vector(made, "joined-waits", "Two WAITs in one piece are two.", "challenge")
    link.until_ready()
    link.waits, link.seconds = 2, 119
    link.feed(wait(120) + wait(119), "ready").feed(link.challenged, "proving", link.proof)
    link.feed(outcome("valid", link.answer()), ended("valid", True))
    link = Vector(made, "joined-hello-part", "HELLO and a part of CHALLENGE in one piece: the part waits for the rest.", "challenge")
    link.tell("hello").feed(link.hello + link.challenged[:20], "ready", link.ready).feed(link.challenged[20:], "proving", link.proof)
    link.feed(outcome("valid", link.answer()), ended("valid", True))
    link = Vector(made, "joined-value-late", "HELLO and CHALLENGE in one piece, and the value afterwards.", "challenge")
    link.feed(link.hello + link.challenged, "challenged", link.ready).tell("proving", link.proof)
    link.feed(outcome("valid", link.answer()), ended("valid", True))
    for name, mode in [("split-every-byte", "challenge"), ("split-every-byte-keyed", "keyed")]:
        link = Vector(made, name, f"A {mode} link that arrives byte by byte.", mode)
        link.tell("hello")
        keyed = mode == "keyed"
        turns = [
            (link.hello, "hello", "claimed" if keyed else "ready", [link.claim if keyed else link.ready]),
            (link.challenged, "claimed" if keyed else "ready", "proving", link.signed_proof if keyed else [link.proof]),
            (outcome("valid", link.keyed_answer() if keyed else link.answer()), "proving", ended("valid", True), []),
        ]
        for data, before, after, sends in turns:
            for at in range(len(data) - 1):
                link.feed(data[at : at + 1], before)
            link.feed(data[-1:], after, *sends)
    for at in [1, 2, 3, 4, 28]:
        link = Vector(made, f"split-hello-{at}", f"HELLO arrives as {at} and {29 - at} bytes.", "challenge")
        link.tell("hello").feed(link.hello[:at], "hello").feed(link.hello[at:], "ready", link.ready)
    link = Vector(made, "split-value-between", "The value arrives between the halves of CHALLENGE.", "challenge")
    link.feed(link.hello, "ready", link.ready).feed(link.challenged[:17], "ready").tell("ready")
    link.feed(link.challenged[17:], "proving", link.proof).feed(outcome("valid", link.answer()), ended("valid", True))
    link = Vector(made, "nothing", "An empty piece of a stream changes nothing.", "challenge")
    link.feed(b"", "hello").tell("hello").feed(link.hello, "ready", link.ready).feed(b"", "ready")
    link = Vector(made, "beyond-outcome", "Bytes after OUTCOME are ignored, in the same piece and later.", "challenge")
    end = ended("valid", True)
    link.until_proved().feed(outcome("valid", link.answer()) + b"\xff" * 600, end).feed(link.hello, end).feed(outcome("fail"), end)
    link.tell(end)
    link = Vector(made, "beyond-left", "A device that has left takes nothing more.", "challenge")
    left = "left malformed"
    link.tell("hello").feed(b"\x00", left).feed(link.hello, left).tell(left).feed(outcome("valid"), left)


def packets(made):
    for longest in [67, 68, 100, 131]:
        link = Vector(
            made,
            f"mtu-{longest}",
            f"A device that can send {longest} bytes makes pieces of {longest - 4} bytes of the signature.",
            "keyed",
            "le",
            longest=longest,
        )
        link.until_proved().feed(outcome("valid", link.keyed_answer()), ended("valid", True))
    link = Vector(made, "mtu-67-stream", "Shorter pieces of the signature are possible on a stream, too.", "keyed", "rfcomm", longest=67)
    link.until_proved().feed(outcome("valid", link.keyed_answer()), ended("valid", True))
    for transport in ["l2cap", "le"]:
        for name, sentence, cut in [
            ("empty", "An empty packet is not a frame.", lambda data: b""),
            ("short", "A packet that lacks a byte of its frame is refused.", lambda data: data[:-1]),
            ("long", "A byte after the frame in its packet is refused.", lambda data: data + b"\x00"),
            ("two", "Two frames in one packet are refused.", lambda data: data + wait(1)),
            ("header", "A header alone is not a packet.", lambda data: data[:3]),
        ]:
            link = Vector(made, f"packet-{name}-{transport}", sentence, "challenge", transport)
            link.tell("hello").feed(cut(link.hello), "left malformed")


# --- What a device refuses


def malformed(made):
    for kind in [0x00, 0x02, 0x05, 0x06, 0x08, 0x09, 0x0A, 0x10, 0x1F, 0x7F, 0x80, 0xFF]:
        link = Vector(made, f"type-{kind:02x}", f"A beacon sends no frame of type {kind:02x}: refused at its first byte.", "challenge")
        link.until_ready().feed(bytes([kind]), "left malformed")
    lengths = {"hello": (1, 26), "wait": (3, 2), "challenge": (4, 32), "outcome": (7, 33)}
    for name, (kind, length) in lengths.items():
        for other in [0, length - 1, length + 1, length << 8, 0xFFFF]:
            sentence = f"{name.upper()} has {length} bytes of payload: a length of {other} is refused with the header."
            if other == length << 8:
                sentence = f"The length is big-endian: {name.upper()} with {length} in the other order is refused."
            link = Vector(made, f"length-{name}-{other}", sentence, "challenge")
            if name == "hello":
                link.tell("hello")
            else:
                link.until_ready()
            link.feed(bytes([kind]) + big(other, 2)[:1], "hello" if name == "hello" else "ready").feed(big(other, 2)[1:], "left malformed")
    for status in [0x00, 0x05, 0x50, 0x5E, 0x61, 0x70, 0xFF]:
        link = Vector(
            made, f"status-{status:02x}", f"OUTCOME with the undefined status {status:02x} is refused, whatever its tag.", "challenge"
        )
        tag = mac(link.value, b"SRUP proof link v1 beacon" + link.context() + bytes([status]))
        link.until_proved().feed(frame(7, bytes([status]) + tag), "left malformed")


def turns(made):
    def refused(name, sentence, mode, bring, data):
        link = Vector(made, name, sentence, mode)
        bring(link)
        link.feed(data(link), "left turn")

    nothing = lambda link: link.tell("hello")
    unclaimed = lambda link: link.feed(link.hello, "unclaimed", EMPTY_CLAIM)
    challenged = lambda link: link.feed(link.hello, "ready", link.ready).feed(link.challenged, "challenged")
    refused("turn-wait-first", "WAIT may not come before HELLO.", "challenge", nothing, lambda link: wait(1))
    refused("turn-challenge-first", "CHALLENGE may not come before HELLO.", "challenge", nothing, lambda link: link.challenged)
    refused("turn-hello-twice", "HELLO may not come twice.", "challenge", Vector.until_ready, lambda link: link.hello)
    refused("turn-hello-after-claim", "HELLO may not come after CLAIM.", "keyed", Vector.until_claimed, lambda link: link.hello)
    refused("turn-hello-after-challenge", "HELLO may not come after CHALLENGE.", "challenge", challenged, lambda link: link.hello)
    refused("turn-hello-after-proof", "HELLO may not come after PROOF.", "challenge", Vector.until_proved, lambda link: link.hello)
    refused("turn-wait-after-challenge", "WAIT may not come after CHALLENGE.", "challenge", challenged, lambda link: wait(1))
    refused("turn-wait-after-proof", "WAIT may not come after PROOF.", "challenge", Vector.until_proved, lambda link: wait(1))
    refused("turn-wait-after-sign", "WAIT may not come after SIGN.", "keyed", Vector.until_proved, lambda link: wait(1))
    refused("turn-challenge-twice", "A second CHALLENGE is not answered.", "challenge", Vector.until_proved, lambda link: link.challenged)
    refused("turn-challenge-twice-keyed", "A second CHALLENGE is not signed.", "keyed", Vector.until_proved, lambda link: link.challenged)
    refused(
        "turn-challenge-twice-no-value",
        "A second CHALLENGE does not replace the first.",
        "challenge",
        challenged,
        lambda link: link.challenged,
    )
    refused(
        "turn-challenge-unclaimed",
        "A CLAIM with zeros fits nothing, so CHALLENGE may not follow it.",
        "keyed",
        unclaimed,
        lambda link: link.challenged,
    )


def hellos(made):
    def refused(name, sentence, mode, data, reason):
        link = Vector(made, name, sentence, mode)
        link.tell("hello").feed(data(link), "left " + reason)

    def plain(modes, beacon=BEACON, version=1):
        return lambda link: hello(modes, beacon, link.link_nonce, version)

    refused("version-2", "A HELLO of another version is not answered.", "challenge", plain(2, version=2), "version")
    refused("version-0", "Version 0 is another version.", "keyed", plain(6, version=0), "version")
    refused("version-first", "The version is looked at before the modes and the beacon.", "keyed", plain(0, OTHER_BEACON, 2), "version")
    refused("modes-none", "A HELLO that offers no mode is not answered.", "challenge", plain(0), "modes")
    refused("modes-value-alone", "A device never falls back to value mode.", "either", plain(1), "modes")
    refused("modes-keyed-alone", "A device of challenge mode cannot use keyed mode.", "challenge", plain(4), "modes")
    refused("modes-challenge-alone", "A device of keyed mode alone does not fall back to challenge mode.", "keyed", plain(3), "modes")
    refused("modes-not-value", "A device of value mode needs value mode.", "value", plain(6), "modes")
    refused("modes-unknown", "Unknown bits of the modes are not modes.", "either", plain(0xF8), "modes")
    refused("modes-first", "The modes are looked at before the beacon.", "challenge", plain(1, OTHER_BEACON), "modes")
    refused(
        "beacon-other", "Another beacon than the one of the join request is not answered.", "challenge", plain(2, OTHER_BEACON), "beacon"
    )
    refused("beacon-other-keyed", "The same in keyed mode.", "keyed", plain(4, OTHER_BEACON), "beacon")
    refused(
        "beacon-little-endian",
        "Identifiers are big-endian: the beacon's id in the other order is another beacon's.",
        "challenge",
        plain(2, swapped(BEACON)),
        "beacon",
    )
    refused("beacon-hidden-challenge", "A beacon that offers challenge mode must name itself.", "challenge", plain(2, bytes(8)), "beacon")
    refused("beacon-hidden-both", "So must one that offers keyed mode beside others.", "keyed", plain(6, bytes(8)), "beacon")


# --- Outcomes


def untagged(made):
    for status in STATUS:
        name = status.replace(" ", "-")
        end = "left rogue" if status == "valid" else ended(status, False)
        what = "comes from a rogue" if status == "valid" else "ends the link and shows nothing"
        link = Vector(made, f"early-{name}", f"OUTCOME {status} instead of HELLO {what}.", "challenge")
        link.tell("hello").feed(outcome(status), end)
        link = Vector(made, f"ready-{name}", f"OUTCOME {status} after READY {what}.", "challenge")
        link.until_ready().feed(outcome(status, some("tag", 32)), end)
        for mode in ["challenge", "keyed"]:
            link = Vector(made, f"untagged-{mode}-{name}", f"OUTCOME {status} without a tag after PROOF, in {mode} mode, {what}.", mode)
            link.until_proved().feed(outcome(status), end)
    link = Vector(made, "rogue-before-value", "In value mode valid means something only after VALUE.", "value")
    link.feed(link.hello, "ready", link.ready).feed(outcome("valid"), "left rogue")
    link = Vector(made, "rogue-no-value", "A device without a value believes no valid.", "challenge")
    link.feed(link.hello, "ready", link.ready).feed(link.challenged, "challenged").feed(outcome("valid", link.answer()), "left rogue")
    link = Vector(made, "challenge-tags-valid-alone", "In challenge mode only valid has a tag: fail with one is not believed.", "challenge")
    link.until_proved().feed(outcome("fail", link.answer("fail")), ended("fail", False))


def tagged(made):
    for status in STATUS:
        if status != "valid":
            link = Vector(made, f"tagged-{status.replace(' ', '-')}", f"In keyed mode {status} has a tag, too.", "keyed")
            link.until_proved().feed(outcome(status, link.keyed_answer(status)), ended(status, True))
    link = Vector(
        made, "tagged-before-proof", "An OUTCOME that the beacon sent before PROOF reached it has zeros in the nonce's place.", "keyed"
    )
    link.until_proved().feed(outcome("fail", link.keyed_answer("fail", nonce=NO_NONCE)), ended("fail", True))
    link = Vector(made, "tagged-before-challenge", "Without a CHALLENGE no tag can be right.", "keyed")
    link.until_claimed().feed(outcome("unknown", link.keyed_answer("unknown")), ended("unknown", False))


def wrong_tags(made):
    def wrong(name, sentence, tag, mode="challenge"):
        link = Vector(made, "tag-" + name, sentence, mode)
        link.until_proved().feed(outcome("valid", tag(link)), "left rogue")

    def bit(tag, at):
        return tag[:at] + bytes([tag[at] ^ 1]) + tag[at + 1 :]

    wrong("reflected", "PROOF's own tag is not the beacon's.", lambda link: link.tag)
    wrong("status", "The tag is for one status.", lambda link: link.answer("fail"))
    wrong("first-bit", "Every bit of the tag counts: the first.", lambda link: bit(link.answer(), 0))
    wrong("last-bit", "Every bit of the tag counts: the last byte.", lambda link: bit(link.answer(), 31))
    wrong("half", "Half of a tag is not a tag.", lambda link: link.answer()[:16] + bytes(16))
    wrong("value", "A tag under another value is not right.", lambda link: link.answer(key=some("other", 16)))
    wrong("value-as-text", "The key is the 16 bytes of the value, not its digits.", lambda link: link.answer(key=link.value.hex().encode()))
    wrong("challenge", "A tag over another challenge is not right.", lambda link: link.answer(challenge=some("other", 32)))
    wrong("nonce", "A tag over another device nonce is not right.", lambda link: link.answer(nonce=some("other", 32)))
    wrong("zero-nonce", "In challenge mode zeros do not stand for the nonce.", lambda link: link.answer(nonce=NO_NONCE))
    wrong("beacon-little-endian", "The beacon's id in a tag is big-endian.", lambda link: link.answer(beacon=swapped(BEACON)))
    wrong("device-little-endian", "The device's id in a tag is big-endian.", lambda link: link.answer(device=swapped(DEVICE)))
    wrong("ids-exchanged", "The beacon's id comes before the device's.", lambda link: link.answer(beacon=DEVICE, device=BEACON))
    wrong("keyed-in-challenge", "A tag of keyed mode does not count in challenge mode.", lambda link: link.keyed_answer())
    wrong("keyed-reflected", "PROOF's own tag is not the beacon's, in keyed mode.", lambda link: link.keyed_tag, "keyed")
    wrong("keyed-status", "The tag of keyed mode is for one status.", lambda link: link.keyed_answer("fail"), "keyed")
    wrong("keyed-last-bit", "Every bit of the tag counts in keyed mode.", lambda link: bit(link.keyed_answer(), 31), "keyed")
    wrong("keyed-half", "Half of a tag is not a tag, in keyed mode.", lambda link: link.keyed_answer()[:16] + bytes(16), "keyed")
    wrong(
        "keyed-device-key",
        "K(device) does not make the beacon's tag.",
        lambda link: link.keyed_answer(key=keyed_key(link.value, "device")),
        "keyed",
    )
    wrong("keyed-value", "The value itself is not K(beacon).", lambda link: link.keyed_answer(key=link.value), "keyed")
    wrong("keyed-challenge", "Another challenge, in keyed mode.", lambda link: link.keyed_answer(challenge=some("other", 32)), "keyed")
    wrong("keyed-nonce", "Another device nonce, in keyed mode.", lambda link: link.keyed_answer(nonce=some("other", 32)), "keyed")
    wrong("keyed-zero-nonce", "Zeros do not stand for the nonce of valid, in keyed mode.", lambda link: link.keyed_answer(nonce=NO_NONCE), "keyed")
    wrong("keyed-transport", "The transport is in the tag.", lambda link: link.keyed_answer(transport="le"), "keyed")
    wrong("keyed-server", "The server is in the tag.", lambda link: link.keyed_answer(server=some("other", 8)), "keyed")
    wrong(
        "keyed-server-little-endian",
        "The server's id in a tag is big-endian.",
        lambda link: link.keyed_answer(server=swapped(SERVER)),
        "keyed",
    )
    wrong(
        "keyed-beacon-little-endian",
        "The beacon's id in a tag of keyed mode is big-endian.",
        lambda link: link.keyed_answer(beacon=swapped(BEACON)),
        "keyed",
    )
    wrong("challenge-in-keyed", "A tag of challenge mode does not count in keyed mode.", lambda link: link.answer(), "keyed")
    link = Vector(made, "tag-keyed-wrong-fail", "A status but valid with a wrong tag shows nothing; it is not a rogue's.", "keyed")
    link.until_proved().feed(outcome("fail", link.keyed_tag), ended("fail", False))


def device_vectors():
    """All of them, in the order of the page."""
    made = []
    for part in [good_challenge, good_keyed, good_value, pieces, packets, malformed, turns, hellos, untagged, tagged, wrong_tags]:
        part(made)
    names = [vector["id"] for vector in made]
    assert len(names) == len(set(names)), "two vectors with one id"
    return made
