#!/usr/bin/env python3
"""Makes proof-link.json: the frames and whole links of the proof link, version 1, from docs/proof-link.md alone.

Usage: Tests/Vectors/make-proof-link.py [--check]

  --check   writes nothing, and fails where proof-link.json is not what would be written

None of this project's code is used: HMAC and SHA-256 are Python's, the signatures are made by the openssl command with the test keys.
"""

import json
import pathlib
import sys

sys.dont_write_bytecode = True
from device_vectors import device_vectors
from link_bytes import (
    MODE_BITS, MODES, NO_NONCE, NO_TAG, STATUS, TRANSPORTS, big, challenge_frame, claim_frame, frame, hello, keyed_key, mac, outcome, proof,
    ready, sign_frames, signature_of, some, value_frame, wait,
)

HERE = pathlib.Path(__file__).resolve().parent


# --- Frames


def entry(name, sender, data, **fields):
    return {"name": name, "from": sender, "type": data[0], "frame_hex": data.hex(), **fields}


def frames():
    nonce, challenge, tag = some("nonce", 16), some("challenge", 32), some("tag", 32)
    beacon, device = bytes.fromhex("bea0000000000001"), bytes.fromhex("d100000000000001")
    made = []
    for modes in range(8):
        made.append(
            entry(
                f"HELLO, modes {modes:03b}", "beacon", hello(modes, beacon, nonce),
                version=1, modes=modes, beacon=beacon.hex(), nonce_hex=nonce.hex(),
            )
        )
    made.append(
        entry(
            "HELLO of a private beacon", "beacon", hello(4, bytes(8), nonce),
            version=1, modes=4, beacon=bytes(8).hex(), nonce_hex=nonce.hex(),
        )
    )
    made.append(
        entry(
            "HELLO of another version: a device leaves", "beacon", hello(2, beacon, nonce, version=2),
            version=2, modes=2, beacon=beacon.hex(), nonce_hex=nonce.hex(),
        )
    )
    for mode in ["value", "challenge"]:
        made.append(entry(f"READY, {mode}", "device", ready(mode, device), mode=mode, device=device.hex()))
    for seconds in [0, 1, 120, 65535]:
        made.append(entry(f"WAIT {seconds}", "beacon", wait(seconds), seconds=seconds))
    made.append(entry("CHALLENGE", "beacon", challenge_frame(challenge), challenge_hex=challenge.hex()))
    made.append(entry("PROOF", "device", proof(nonce * 2, tag), nonce_hex=(nonce * 2).hex(), tag_hex=tag.hex()))
    made.append(entry("VALUE", "device", value_frame(nonce), value_hex=nonce.hex()))
    for status in STATUS:
        for what, bytes_ in [("no tag", NO_TAG), ("a tag", tag)]:
            made.append(
                entry(
                    f"OUTCOME {status}, {what}", "beacon", outcome(status, bytes_),
                    status=STATUS[status], tag_hex=bytes_.hex(),
                )
            )
    made.append(entry("CLAIM", "device", claim_frame(nonce), claim_hex=nonce.hex()))
    made.append(entry("CLAIM without a value yet", "device", claim_frame(bytes(16)), claim_hex=bytes(16).hex()))
    for count in [1, 127, 128]:
        for last in [0, 1]:
            piece = some("piece", count)
            made.append(
                entry(
                    f"SIGN, {count} bytes, last {last}", "device", frame(0x09, bytes([last]) + piece),
                    last=last, piece_hex=piece.hex(),
                )
            )
    return made


def bad_frames():
    """What is not a frame, and the field that says so. `packet`: as one packet; a stream would go on to wait."""
    good = {item["name"]: bytes.fromhex(item["frame_hex"]) for item in frames()}
    made = []

    def bad(name, data, reason, stream="rejected"):
        made.append({"name": name, "bytes_hex": data.hex(), "reason": reason, "stream": stream, "must": "reject"})

    for kind in [0x00, 0x0A, 0x10, 0x1F, 0x7F, 0xFF]:
        bad(f"type {kind:#04x}", frame(kind, bytes(16)), "type")
    lengths = {1: 26, 2: 9, 3: 2, 4: 32, 5: 64, 6: 16, 7: 33, 8: 17}
    for kind, length in lengths.items():
        for other in [0, length - 1, length + 1, 0xFFFF]:
            bad(f"type {kind} with a length of {other}", bytes([kind]) + big(other, 2) + bytes(length), "length")
    for other in [0, 1, 130, 512, 0xFFFF]:
        bad(f"SIGN with a length of {other}", bytes([9]) + big(other, 2) + bytes(129), "length")
    for mode in [0, 3, 4, 255]:
        bad(f"READY in mode {mode}", frame(0x02, bytes([mode]) + bytes(8)), "field")
    for mode in [0, 1, 2, 4, 255]:
        bad(f"CLAIM in mode {mode}", frame(0x08, bytes([mode]) + bytes(16)), "field")
    for status in [0x00, 0x05, 0x50, 0x61, 0xFF]:
        bad(f"OUTCOME with status {status:#04x}", frame(0x07, bytes([status]) + NO_TAG), "field")
    for last in [2, 255]:
        bad(f"SIGN with last {last}", frame(0x09, bytes([last, 1])), "field")
    bad("nothing", b"", "packet", stream="waits")
    bad("a type and no length", good["PROOF"][:2], "packet", stream="waits")
    bad("a header alone", good["PROOF"][:3], "packet", stream="waits")
    bad("a byte too few", good["PROOF"][:-1], "packet", stream="waits")
    bad("a byte behind the frame", good["PROOF"] + b"\x05", "packet", stream="frame, then waits")
    bad("two frames in one packet", good["WAIT 1"] + good["WAIT 120"], "packet", stream="two frames")
    return made


# --- Whole links


def base(name, mode, transport, modes):
    offered = sum(MODE_BITS[item] for item in modes)
    return {
        "name": name, "mode": mode, "transport": transport, "modes_offered": offered,
        "value_hex": some(name + " value", 16).hex(), "beacon": "bea0000000000001", "device": "d100000000000001",
        "server": "c200000000000001", "link_nonce_hex": some(name + " link nonce", 16).hex(),
        "challenge_hex": some(name + " challenge", 32).hex(), "device_nonce_hex": some(name + " device nonce", 32).hex(),
    }


def raw(link, field):
    return bytes.fromhex(link[field])


def said(link, *turns):
    link["frames"] = [{"from": sender, "name": name, "frame_hex": data.hex()} for sender, name, data in turns]


def value_link(name, transport, status):
    link = base(name, "value", transport, ["value", "challenge"])
    link.update(outcome=status, beacon_proved=False)
    said(
        link,
        ("beacon", "HELLO", hello(link["modes_offered"], raw(link, "beacon"), raw(link, "link_nonce_hex"))),
        ("device", "READY", ready("value", raw(link, "device"))),
        ("beacon", "CHALLENGE", challenge_frame(raw(link, "challenge_hex"))),
        ("device", "VALUE", value_frame(raw(link, "value_hex"))),
        ("beacon", "OUTCOME", outcome(status)),
    )
    return link


def challenge_link(name, transport, status, waits=False, modes=("challenge",)):
    link = base(name, "challenge", transport, modes)
    context = b"".join(
        raw(link, field) for field in ["link_nonce_hex", "challenge_hex", "device_nonce_hex", "beacon", "device"]
    )
    tag = mac(raw(link, "value_hex"), b"SRUP proof link v1 device" + context)
    shown = mac(raw(link, "value_hex"), b"SRUP proof link v1 beacon" + context + bytes([STATUS[status]]))
    answer = shown if status == "valid" else NO_TAG
    link.update(
        context_hex=context.hex(), tag_hex=tag.hex(), outcome=status, outcome_tag_hex=answer.hex(),
        beacon_proved=status == "valid",
    )
    said(
        link,
        ("beacon", "HELLO", hello(link["modes_offered"], raw(link, "beacon"), raw(link, "link_nonce_hex"))),
        ("device", "READY", ready("challenge", raw(link, "device"))),
        *([("beacon", "WAIT", wait(120))] if waits else []),
        ("beacon", "CHALLENGE", challenge_frame(raw(link, "challenge_hex"))),
        ("device", "PROOF", proof(raw(link, "device_nonce_hex"), tag)),
        ("beacon", "OUTCOME", outcome(status, answer)),
    )
    return link


def keyed_link(name, transport, status, ends="after SIGN", late=False, hidden=False, modes=("challenge", "keyed"),
               key="dev_2048"):
    """A link in keyed mode. `ends`: where OUTCOME comes; `late`: the value comes after HELLO; `hidden`: a private beacon."""
    link = base(name, "keyed", transport, modes)
    value = raw(link, "value_hex")
    prefix = (
        bytes([1, link["modes_offered"], MODES["keyed"]]) + raw(link, "link_nonce_hex") + raw(link, "beacon")
        + raw(link, "device") + raw(link, "server") + bytes([TRANSPORTS[transport]])
    )
    keys = {word: keyed_key(value, word) for word in ["claim", "device", "beacon"]}
    claim = mac(keys["claim"], prefix)[:16]
    challenge, nonce = raw(link, "challenge_hex"), raw(link, "device_nonce_hex")
    tag = mac(keys["device"], prefix + challenge + nonce)
    signed = b"SRUP proof link keyed signature" + prefix + challenge + nonce + tag
    signature = signature_of(key, signed)
    fitted = ends != "after CLAIM"
    heard = nonce if ends in ["after PROOF", "after SIGN"] else NO_NONCE
    answer = mac(keys["beacon"], prefix + challenge + heard + bytes([STATUS[status]])) if fitted else NO_TAG
    link.update(
        prefix_hex=prefix.hex(), claim_key_hex=keys["claim"].hex(), device_key_hex=keys["device"].hex(),
        beacon_key_hex=keys["beacon"].hex(), claim_hex=claim.hex(), tag_hex=tag.hex(), signing_key=key,
        signed_hex=signed.hex(), signature_hex=signature.hex(), value_comes_late=late, names_beacon=not hidden,
        outcome=status, outcome_tag_hex=answer.hex(), beacon_proved=fitted, ends=ends,
    )
    named = bytes(8) if hidden else raw(link, "beacon")
    turns = [("beacon", "HELLO", hello(link["modes_offered"], named, raw(link, "link_nonce_hex")))]
    if late:
        turns += [("device", "CLAIM", claim_frame(bytes(16))), ("beacon", "WAIT", wait(120))]
    turns.append(("device", "CLAIM", claim_frame(claim)))
    if not fitted:
        turns.append(("beacon", "WAIT", wait(120)))
    if fitted:
        turns.append(("beacon", "CHALLENGE", challenge_frame(challenge)))
    if fitted and ends != "after CHALLENGE":
        turns.append(("device", "PROOF", proof(nonce, tag)))
    if ends == "after SIGN":
        turns += [("device", "SIGN", data) for data in sign_frames(signature)]
        link["observation_proof_hex"] = (prefix + challenge + nonce + tag + signature).hex()
    turns.append(("beacon", "OUTCOME", outcome(status, answer)))
    said(link, *turns)
    return link


def links():
    made = [
        value_link("value, valid", "local", "valid"),
        value_link("value, invalid", "rfcomm", "invalid"),
    ]
    for transport in TRANSPORTS:
        made.append(challenge_link(f"challenge over {transport}", transport, "valid"))
        made.append(keyed_link(f"keyed over {transport}", transport, "valid"))
    made += [
        challenge_link("challenge, held for the request", "l2cap", "valid", waits=True),
        challenge_link("challenge, fail", "l2cap", "fail"),
        challenge_link("challenge, although keyed is offered", "le", "valid", modes=("challenge", "keyed")),
        keyed_link("keyed, the value comes late", "l2cap", "valid", late=True),
        keyed_link("keyed, with a key of 3,072 bits", "le", "valid", key="dev_3072"),
        keyed_link("keyed, with a key of 4,096 bits", "rfcomm", "valid", key="dev_4096"),
        keyed_link("keyed alone, the beacon is private", "le", "valid", hidden=True, modes=("keyed",)),
        keyed_link("keyed, all three modes offered", "local", "valid", modes=("value", "challenge", "keyed")),
        keyed_link("keyed, the claim fits nothing", "l2cap", "unknown", ends="after CLAIM"),
        keyed_link("keyed, superseded before PROOF", "l2cap", "fail", ends="after CHALLENGE"),
        keyed_link("keyed, malformed before PROOF", "rfcomm", "malformed", ends="after CHALLENGE"),
        keyed_link("keyed, too far", "le", "too far", ends="after PROOF"),
        keyed_link("keyed, not measured", "le", "busy", ends="after PROOF"),
        keyed_link("keyed, the signature never comes", "l2cap", "fail", ends="after PROOF"),
    ]
    return made


# --- What must be refused of whole links and proofs


def bad_outcomes():
    """OUTCOMEs after a whole proof that show nothing of the value: the device goes on trying."""
    link = keyed_link("keyed over l2cap", "l2cap", "valid")
    prefix, key = raw(link, "prefix_hex"), raw(link, "beacon_key_hex")
    challenge, nonce = raw(link, "challenge_hex"), raw(link, "device_nonce_hex")

    def tag(status, prefix=prefix, challenge=challenge, nonce=nonce, key=key):
        return mac(key, prefix + challenge + nonce + bytes([STATUS[status]]))

    wrong = [
        ("no tag", "invalid", NO_TAG),
        ("the tag of PROOF, reflected", "invalid", raw(link, "tag_hex")),
        ("the tag of another status", "invalid", tag("fail")),
        ("the device's key", "invalid", tag("invalid", key=raw(link, "device_key_hex"))),
        ("the value instead of its key", "invalid", tag("invalid", key=raw(link, "value_hex"))),
        ("another challenge", "invalid", tag("invalid", challenge=some("other", 32))),
        ("another device nonce", "invalid", tag("invalid", nonce=some("other", 32))),
        ("another transport", "invalid", tag("invalid", prefix=prefix[:-1] + b"\x03")),
        ("one bit", "invalid", tag("invalid")[:-1] + bytes([tag("invalid")[-1] ^ 1])),
        ("malformed without a tag", "malformed", NO_TAG),
        ("too far without a tag", "too far", NO_TAG),
        ("valid without a tag: a rogue's, the device leaves", "valid", NO_TAG),
        ("valid with the tag of PROOF: a rogue's, the device leaves", "valid", raw(link, "tag_hex")),
    ]
    return [
        {"name": name, "link": link["name"], "outcome": status, "frame_hex": outcome(status, tag_).hex(),
         "device": "leaves" if status == "valid" else "no information"}
        for name, status, tag_ in wrong
    ]


def bad_proofs():
    """Data of OBSERVATION_PROOF that a server refuses. `form`: it cannot be read; otherwise what does not hold."""
    link = keyed_link("keyed over l2cap", "l2cap", "valid")
    good = raw(link, "observation_proof_hex")
    prefix, key = raw(link, "prefix_hex"), raw(link, "device_key_hex")
    challenge, nonce = raw(link, "challenge_hex"), raw(link, "device_nonce_hex")

    def made_with(prefix=prefix, key=key, signing="dev_2048"):
        tag = mac(key, prefix + challenge + nonce)
        signed = b"SRUP proof link keyed signature" + prefix + challenge + nonce + tag
        return prefix + challenge + nonce + tag + signature_of(signing, signed)

    def changed(at, bit=1):
        return good[:at] + bytes([good[at] ^ bit]) + good[at + 1 :]

    beacon, device, server = (slice(19, 27), slice(27, 35), slice(35, 43))

    def naming(part, identifier):
        other = bytearray(prefix)
        other[part] = bytes.fromhex(identifier)
        return made_with(bytes(other))

    wrong = [
        ("empty", b"", "form"),
        ("cut in the prefix", good[:43], "form"),
        ("cut in the tag", good[:139], "form"),
        ("without a signature", good[:140], "form"),
        ("a signature of 2,049 bytes", good[:140] + bytes(2049), "form"),
        ("another version", changed(0, 3), "form"),
        ("another mode", changed(2, 1), "form"),
        ("a transport that does not exist", good[:43] + b"\x04" + good[44:], "form"),
        ("another beacon, all the rest in order", naming(beacon, "bea0000000000002"), "beacon"),
        ("another device, all the rest in order", naming(device, "d100000000000002"), "device"),
        ("another server, all the rest in order", naming(server, "c200000000000002"), "server"),
        ("made with another value", made_with(key=some("other", 32)), "tag"),
        ("one bit of the modes offered", changed(1), "tag"),
        ("one bit of the link nonce", changed(3), "tag"),
        ("one bit of the challenge", changed(44), "tag"),
        ("one bit of the nonce", changed(76), "tag"),
        ("one bit of the tag", changed(108), "tag"),
        ("one bit of the signature", changed(140), "signature"),
        ("the signature cut by a byte", good[:-1], "signature"),
        ("a byte behind the signature", good + b"\x00", "signature"),
        ("signed with another key", made_with(signing="wrong_2048"), "signature"),
    ]
    return [
        {"name": name, "link": link["name"], "data_hex": data.hex(), "reason": reason, "must": "reject"}
        for name, data, reason in wrong
    ]


def main():
    vectors = {
        "specification": "docs/proof-link.md, version 1",
        "made_by": "Tests/Vectors/make-proof-link.py",
        "frames": frames(),
        "bad_frames": bad_frames(),
        "links": links(),
        "bad_outcomes": bad_outcomes(),
        "bad_proofs": bad_proofs(),
        "device": device_vectors(),
    }
    text = json.dumps(vectors, indent=1) + "\n"
    file = HERE / "proof-link.json"
    if sys.argv[1:] == ["--check"]:
        if not file.exists() or file.read_text() != text:
            sys.exit("make-proof-link: proof-link.json is not what this script makes\nhint: run it without --check")
    elif sys.argv[1:]:
        sys.exit("make-proof-link: unknown arguments\nhint: see the first lines of the script")
    else:
        file.write_text(text)


main()
