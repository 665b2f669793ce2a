"""Writes good and bad examples for each door of Scripts/fuzz: seeds.py FOLDER CONFIGURATION"""

import base64
import json
import pathlib
import sys

folder, configuration = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
vectors = pathlib.Path("Tests/Vectors")


def write(door, name, data):
    place = folder / door
    place.mkdir(parents=True, exist_ok=True)
    (place / name).write_bytes(data)


def frames():
    for name in ("messages_2048", "edge_2048", "negative_2048"):
        for one in json.loads((vectors / f"{name}.json").read_text()):
            digits = one.get("serialized_hex") or one.get("payload_hex")
            if digits:
                yield one["name"], bytes.fromhex(digits)


def strings(tree):
    """Every string of a JSON document."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, (list, dict)):
        for one in tree.values() if isinstance(tree, dict) else tree:
            yield from strings(one)


for name, data in frames():
    write("frame", name[:100], data)
for number, text in enumerate(strings(json.loads((vectors / "envelopes.json").read_text()))):
    try:
        write("sealed", str(number), bytes.fromhex(text))
    except ValueError:
        continue

hello = b"\x01\x00\x1a\x01\x03" + bytes(7) + b"\x77" + b"\x01" * 16
ready = b"\x02\x00\x09\x02" + bytes(7) + b"\x55"
proof, value = b"\x05\x00\x40" + b"\x09" * 64, b"\x06\x00\x10" + b"\x03" * 16
wait, challenge, outcome = b"\x03\x00\x02\x00\x78", b"\x04\x00\x20" + b"\x02" * 32, b"\x07\x00\x21\x60" + bytes(32)
write("link", "device", b"\x00" + ready + proof)
write("link", "value", b"\x03" + ready[:3] + b"\x01" + ready[4:] + value)
write("link", "beacon", b"\x00" + hello + wait + challenge + outcome)
write("link", "packet", b"\x04" + hello)
claim, sign = b"\x08\x00\x11\x03" + b"\x05" * 16, b"\x09\x00\x81\x00" + b"\x06" * 128
keyed = hello[:4] + b"\x06" + hello[5:]
write("link", "keyed device", b"\x00" + claim[:4] + bytes(16) + claim + proof + sign + b"\x09\x00\x02\x01\x06")
write("link", "keyed beacon", b"\x00" + keyed + wait + challenge + outcome)
prefix = b"\x01\x06\x03" + b"\x01" * 16 + bytes(7) + b"\x77" + bytes(7) + b"\x55" + bytes(7) + b"\xc2" + b"\x03"
write("link", "proof", b"\x00" + prefix + b"\x02" * 32 + b"\x09" * 64 + b"\x06" * 256)

key = base64.b64encode((vectors / "keys/c2_2048.pub.pem").read_bytes()).decode()
replies = {
    (0, 0): {"active": True, "identity": "1234"},
    (1, 1): {"broker": "mqtt://localhost", "default_c2": "c200000000000001", "key": key},
    (2, 0): {"identity": "1234", "signature": base64.b64encode(bytes(256)).decode()},
    (3, 0): {"certificate": key, "CA_certificate": key},
}
for (question, status), reply in replies.items():
    write("registry", str(question), bytes([question, status]) + json.dumps(reply).encode())
write("registry", "key", b"\x04\x00" + key.encode())
write("registry", "missing", b"\x04\x04")

write("configuration", "shortest", configuration.read_bytes())
write("configuration", "longest", pathlib.Path("docs/srup-beacon.conf").read_bytes())
uncommented = [line.removeprefix(";") for line in pathlib.Path("docs/srup-beacon.conf").read_text().split("\n")
               if not line.startswith("; ")]
write("configuration", "every-key", "\n".join(uncommented).encode())

for line in ("status", "observations 10", "join c2c2 simple", "join c2c2 observed bea0 local:/tmp/link",
             "join-again c2c2 simple", "resign c2c2", "deregister c2c2", "standing c2c2", "explain de01", "metrics",
             "join c2c2 observed bea0 le:00:11:22:33:44:55/0x80"):
    write("control", line.replace("/", "-").replace(" ", "-"), line.encode() + b"\n")
