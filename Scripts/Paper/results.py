"""What Scripts/paper has measured, beside what the paper states. The only numbers that are written down here are the paper's."""
import json

# §3.3: header 2, sequence id 8, token 16, signature 256, and a sender of 16.
BASE, SENDER, TOKEN, SEQUENCE = 298, 16, 16, 8
# §9.1: the update initiate message.
UPDATE, UPDATE_URL, UPDATE_DIGEST, UPDATE_TARGET, UPDATE_MQTT, ACKNOWLEDGEMENT = 424, 33, 64, 8, 493, 60
# §9.1: milliseconds on a Raspberry Pi 3, the mean of five runs.
SIGNING, VERIFYING = 56.68, 9.91
ROLES = {"c2": "server"}


class Frame:
    """The parts of a SRUP frame (docs/protocol.md, section 1)."""

    def __init__(self, data):
        self.data, self.fields, at = data, [], 18
        for _ in range(2):
            length = int.from_bytes(data[at : at + 2], "big")
            self.fields.append(data[at + 2 : at + 2 + length])
            at += 2 + length
        self.token, self.signature, self.body = *self.fields, data[at:]

    @property
    def header(self):
        """What is neither token, signature nor body: version, type, sequence id, sender, and two lengths."""
        return len(self.data) - len(self.token) - len(self.signature) - len(self.body)

    def strings(self):
        """The strings of a body that consists of them, each with its length before it."""
        found, at = [], 0
        while at < len(self.body):
            length = int.from_bytes(self.body[at : at + 2], "big")
            found.append(self.body[at + 2 : at + 2 + length])
            at += 2 + length
        return found


class Sizes:
    """The messages of a run, each kind once: by name, direction, and sizes."""

    def __init__(self, folder):
        plain, encrypted = (json.loads((folder / f"{name}.json").read_text()) for name in ("plain", "tls"))
        records = {each["payload"]: each["tls"] for each in encrypted["messages"]}
        lines = [json.loads(line) for line in (folder / "c2.trace").read_text().splitlines()]
        lines = {line["frame_hex"]: line for line in lines if "frame_hex" in line and "refused" not in line}
        kinds = {}
        for each in plain["messages"]:
            line, frame = lines[each["payload"]], Frame(bytes.fromhex(each["payload"]))
            kind = {
                "message": f"DATA {line['detail']}" if line["name"] == "DATA" else line["name"], "type": frame.data[1], "from": line["from"], "to": line["to"], "topic_bytes": len(each["topic"]),
                "token": len(frame.token), "body": len(frame.body), "signature": len(frame.signature), "header": frame.header,
                "srup": len(frame.data), "mqtt": each["mqtt"], "tls": records[each["payload"]], "packet": each["packet"], "frame": each["frame"],
            }
            key = tuple(kind[name] for name in ("type", "message", "from", "to", "token", "body", "mqtt"))
            # The broker may put two messages into one frame: then another one of the kind tells.
            if key not in kinds or kinds[key]["frame"] is None or kinds[key]["tls"] is None:
                kinds[key] = kind
            if kind["message"] == "INITIATE":
                self.update, self.update_kind = frame, kind
        if missing := lines.keys() - {each["payload"] for each in plain["messages"]}:
            raise SystemExit(f"paper: {len(missing)} messages that the server has traced were not recorded")
        self.kinds = [kinds[key] for key in sorted(kinds)]
        self.acknowledgement = {**plain["acknowledgement"], "tls": encrypted["acknowledgement"]["tls"]}
        self.has_frames = self.acknowledgement["frame"] is not None
        self.types = len({kind["type"] for kind in self.kinds})

    def rows(self):
        """A table."""
        return [
            [kind["message"], f"{ROLES.get(kind['from'], kind['from'])} to {ROLES.get(kind['to'], kind['to'])}", kind["token"], kind["body"],
             kind["srup"], f"+{kind['srup'] - BASE}", kind["mqtt"], kind["tls"]]
            for kind in self.kinds
        ]


def comparison(sizes):
    """§3.3 and §9.1, with the cause of each difference."""
    update, kind, puback = sizes.update, sizes.update_kind, sizes.acknowledgement
    url, digest = update.strings()
    rest = kind["srup"] - len(url) - len(digest)
    lengths = len(update.body) - len(url) - len(digest)
    over_mqtt = kind["mqtt"] - kind["srup"]
    smallest = min(sizes.kinds, key=lambda each: each["srup"])
    rows = [
        ["smallest message: the base message (§3.3)", BASE, f"{smallest['srup']} ({smallest['message']})",
         f"the sender has {smallest['header'] - 2 - SEQUENCE - 4} instead of {SENDER} bytes; "
         f"the token is text, {smallest['token']} instead of {TOKEN} bytes; token and signature have a length of 2 bytes each"],
        ["update initiate, SRUP (§9.1)", UPDATE, kind["srup"], "the sum of the next rows"],
        ["its URL", UPDATE_URL, len(url), "a URL of the same length, and the NUL that the reference puts behind it"],
        ["its SHA-256 digest in hexadecimal digits", UPDATE_DIGEST, len(digest), "a NUL behind it, too"],
        ["its target", UPDATE_TARGET, "none", "version 5 has no such field; here the token names the device, in 17 of its bytes"],
        ["signature, token, other overhead", UPDATE - UPDATE_URL - UPDATE_DIGEST - UPDATE_TARGET, rest,
         f"here: header and two lengths {update.header}, token {len(update.token)}, signature {len(update.signature)}, lengths of URL and digest "
         f"{lengths}. The paper does not divide its number, and does not say whether it has a sender"],
        ["update initiate with a token that names nobody, as the reference makes it", "", kind["srup"] - len(update.token.partition(b"@")[2]) - 1,
         "computed from the rows above"],
        ["update initiate, over MQTT", UPDATE_MQTT, kind["mqtt"], f"the next row, and the size of the message. Over TLS (§3.8): {kind['tls']}"],
        ["what MQTT adds", UPDATE_MQTT - UPDATE, over_mqtt,
         f"here: the topic, {kind['topic_bytes']} bytes, and {over_mqtt - kind['topic_bytes']} of header, length and packet id. The paper names neither "
         f"its topic nor the layers that it counts"],
        ["what remains for the paper's topic", "", UPDATE_MQTT - UPDATE - over_mqtt + kind["topic_bytes"], "if the paper counts MQTT alone"],
    ]
    if kind["frame"]:
        headers = kind["packet"] - kind["mqtt"]
        rows += [
            ["the same, with IPv4 and TCP", "", UPDATE_MQTT - UPDATE - over_mqtt + kind["topic_bytes"] - headers,
             f"if the paper counts these headers as well, and they have {headers} bytes as here (with TCP timestamps)"],
            ["our update initiate as IPv4 packet", "", kind["packet"], f"adds {kind['packet'] - kind['srup']} to SRUP"],
            ["our update initiate as Ethernet frame, with IPv4", "", kind["frame"], f"adds {kind['frame'] - kind['srup']} to SRUP; loopback, without checksum"],
        ]
    rows.append(["PUBACK of QoS 1, MQTT", "", puback["mqtt"], f"over TLS: {puback['tls']}"])
    if puback["frame"]:
        rows.append(["PUBACK, in total with IPv4", ACKNOWLEDGEMENT, f"{puback['packet']} as IPv4 packet, {puback['frame']} as Ethernet frame",
                     "60 bytes is the shortest Ethernet frame; it is also the IPv4 packet behind the header of a BSD loopback. The paper does not say"])
    return rows


def times(folder):
    """§9.1, signing and verifying; nothing where that was not measured."""
    try:
        lines = (folder / "times").read_text().splitlines()
    except FileNotFoundError:
        return []
    measured = {words[0]: [float(word) for word in words[1:]] for words in (line.split() for line in lines)}
    size = int(measured["bytes"][0])
    rows = []
    for name, title, paper in ("sign", "signing an INITIATE", SIGNING), ("verify", "verifying its signature", VERIFYING):
        mean, median = measured[name]
        cause = f"another machine: {paper / mean:.0f} times as fast; RSA of 2048 bits with OpenSSL in both. Median of 1,000: {median:.3f} ms"
        rows.append([f"{title} of {size} bytes, mean of five", f"{paper} ms", f"{mean:.3f} ms", cause])
    rows.append(["signing takes so many times as long as verifying", f"{SIGNING / VERIFYING:.1f}", f"{measured['sign'][1] / measured['verify'][1]:.1f}",
                 "with the public exponent 65,537, verifying needs 17 multiplications and signing more than 2,000 of half the length; the paper does not "
                 "say what its times include"])
    return rows
