#!/usr/bin/env python3
"""Runs random device links against several implementations of the device's end of the proof link, and compares what they do line by
line. Each is a driver (Examples/C99/README.md has its format). A link is a good one most of the time, with a fault or two: in a frame,
in the order, in a tag, in who speaks; it arrives in pieces of any size, and the value comes at any time or never.

Each link of a stream also arrives a second time, in other pieces: what a driver sends must not depend on them. So a single driver is
checked as well.

Usage: Scripts/device-fuzz.py [--links N] [--seed S] [--first N] [--keys FOLDER] DRIVER...

  DRIVER    a command with its arguments, as one word: "python3 driver.py"
  --links   how many links: 3,000 (a few seconds for a compiled driver)
  --seed    a number; the same seed gives the same links. 1
  --first   the number of the first link: a difference is repeated by --seed S --first N --links 1
  --keys    also signs with the RSA keys NAME.pkcs8.pem in this folder, in one link of a hundred. Drivers get copies with mode 0600

The first difference is made shorter, and printed with its seed and number; exit status 1 then. 2: a driver could not be run.
"""

import argparse
import pathlib
import random
import shlex
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Tests" / "Vectors"))
from link_bytes import NO_NONCE, NO_TAG, STATUS, big, challenge_frame, frame, hello, keyed_key, mac, owned_keys, wait

BATCH = 500  # links in one run of a driver
BATCH_TIMEOUT = 300  # seconds
SHORTENINGS = 300  # runs to make a difference shorter


# --- One link


class Link:
    """One random link: `commands` for a driver, and for a stream `again`, the same in other pieces."""

    def __init__(self, seed, number, keys):
        self.random = random.Random(f"{seed} {number}")
        self.choose_parties(keys)
        self.frames = self.make_frames()
        self.spoil_order()
        data = [self.spoilt(item) for item in self.frames]
        told = self.make_values(sum(map(len, data)))
        self.commands = [self.reset, *self.arrivals(data, told)]
        self.again = None if self.is_packets else [self.reset, *self.arrivals(data, told)]

    def often(self, share):
        return self.random.random() < share

    def bytes(self, count):
        return self.random.randbytes(count)

    def choose_parties(self, keys):
        pick = self.random.choice
        self.device, self.server = (pick([self.bytes(8), bytes(7) + b"\x01", b"\xff" * 8]) for _ in range(2))
        self.beacon = pick([self.bytes(7) + b"\x01", bytes(7) + b"\x02", b"\xff" * 8])
        self.transport = pick([0, 1, 2, 3])
        self.is_packets = self.transport >= 2
        self.modes = pick([1, 2, 2, 4, 4, 4, 6, 6, 6])
        self.nonce, self.value = self.bytes(32), self.bytes(16)
        size = pick([67, 68, 100, 131, 132, self.random.randint(67, 132)])
        digest = pick([1, 63, 64, 65, 127, 128, 129, 256, 256, 384, 512, 2048, self.random.randint(1, 2048)])
        sign = f"key:{pick(keys)}" if keys and self.often(0.01) else f"digest:{digest}"
        self.reset = (
            f"reset device={self.device.hex()} server={self.server.hex()} beacon={self.beacon.hex()} transport={self.transport} "
            f"modes={self.modes} nonce={self.nonce.hex()} size={size} sign={sign}"
        )

    # What the beacon says.

    def make_frames(self):
        pick = self.random.choice
        self.offered = self.modes | pick([0, 0, 1, 2, 4, 0xF8]) if self.often(0.9) else self.random.randrange(256)
        version = 1 if self.often(0.98) else self.random.randrange(256)
        named = self.beacon if self.often(0.93) else pick([bytes(8), self.beacon[::-1], self.bytes(8)])
        if self.offered & 7 == 4 and self.often(0.3):
            named = bytes(8)
        self.link_nonce, self.challenge = self.bytes(16), self.bytes(32)
        waits = [wait(self.random.randrange(65536)) for _ in range(pick([0, 0, 0, 1, 2, 5]))]
        made = [hello(self.offered, named, self.link_nonce, version), *waits]
        if self.often(0.92):
            made.append(challenge_frame(self.challenge))
        return [*made, self.make_outcome()] if self.often(0.95) else made

    def make_outcome(self):
        status = self.random.choice(list(STATUS.values())) if self.often(0.6) else 0x60
        tag = self.right_tag(status)
        if self.often(0.25):
            at = self.random.randrange(32)
            tag = self.random.choice(
                [
                    NO_TAG,
                    self.bytes(32),
                    tag[:at] + bytes([tag[at] ^ 1 << self.random.randrange(8)]) + tag[at + 1 :],
                    self.right_tag(status ^ 1),
                    self.right_tag(status, nonce=NO_NONCE),
                    tag[::-1],
                    self.right_tag(status, word="device"),
                    tag[:16] + bytes(16),
                ]
            )
        if self.often(0.03):
            status = self.random.randrange(256)
        return frame(7, bytes([status]) + tag)

    def right_tag(self, status, nonce=None, word="beacon"):
        nonce = nonce or self.nonce
        if self.modes & self.offered & 4:
            prefix = bytes([1, self.offered, 3]) + self.link_nonce + self.beacon + self.device + self.server + bytes([self.transport])
            return mac(keyed_key(self.value, word), prefix + self.challenge + nonce + bytes([status]))
        context = self.link_nonce + self.challenge + nonce + self.beacon + self.device
        return mac(self.value, f"SRUP proof link v1 {word}".encode() + context + bytes([status]))

    # What goes wrong.

    def spoil_order(self):
        while self.often(0.12) and self.frames:
            at, other = self.random.randrange(len(self.frames)), self.random.randrange(len(self.frames))
            what = self.random.randrange(5)
            if what == 0:
                del self.frames[at]
            elif what == 1:
                self.frames.insert(at, self.frames[other])
            elif what == 2:
                self.frames[at], self.frames[other] = self.frames[other], self.frames[at]
            elif what == 3:
                self.frames.insert(at, self.make_outcome())
            else:
                kind, length = self.random.choice([(2, 9), (5, 64), (6, 16), (8, 17), (9, 100), (1, 26), (3, 2), (4, 32), (7, 33)])
                self.frames.insert(at, frame(kind, self.bytes(length)))

    def spoilt(self, data):
        """A frame, or now and then what is left of one."""
        if not self.often(0.06):
            return data
        at = self.random.randrange(len(data))
        what = self.random.randrange(6)
        if what == 0:
            return data[:at] + bytes([data[at] ^ 1 << self.random.randrange(8)]) + data[at + 1 :]
        if what == 1:
            return data[:at]
        if what == 2:
            return data[:at] + self.bytes(self.random.randint(1, 3)) + data[at:]
        if what == 3:
            return data + self.bytes(self.random.choice([1, 2, 40, 600]))
        if what == 4:
            return data[:1] + big(self.random.choice([0, 1, 2, 25, 27, 32, 33, 34, 512, 6656, 65535]), 2) + data[3:]
        return self.bytes(1) + data[1:]

    # When what arrives.

    def make_values(self, count):
        """The values and how many bytes have arrived before each."""
        told = []
        if self.often(0.9):
            at = self.random.choice([0, 0, 0, 29, 29, 64, self.random.randint(0, count)])
            told.append((min(at, count), self.value))
        while self.often(0.15):
            told.append((self.random.randint(0, count), self.random.choice([self.value, self.bytes(16), bytes(16)])))
        return sorted(told, key=lambda item: item[0])

    def arrivals(self, data, told):
        """The commands: the frames in pieces, with the values in between."""
        told, at = list(told), 0
        for piece in self.packets(data) if self.is_packets else self.pieces(b"".join(data), [item[0] for item in told]):
            while told and told[0][0] <= at:
                yield f"value {told.pop(0)[1].hex()}"
            yield f"feed {piece.hex() or '-'}"
            at += len(piece)
        for _, value in told:
            yield f"value {value.hex()}"

    def packets(self, data):
        made = []
        for item in data:
            if made and self.often(0.02):
                made[-1] += item
            else:
                made.append(item)
        return made

    def pieces(self, data, stops):
        """A stream in pieces: one, single bytes, or any. The values come where they come, whatever the pieces are."""
        share = self.random.choice([0, 0, 0.01, 0.03, 0.1, 0.5, 1])
        cuts = {0, len(data), *stops, *(at for at in range(len(data)) if self.often(share))}
        ordered = sorted(cuts)
        return [data[a:b] for a, b in zip(ordered, ordered[1:])]


# --- Drivers


def run(driver, links):
    """The answers to the commands of each link, as a list of lines for each command; and how the driver ended."""
    with tempfile.TemporaryFile("w+") as commands, tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as faults:
        commands.writelines(line + "\n" for link in links for line in link)
        commands.seek(0)
        try:
            done = subprocess.run(shlex.split(driver), stdin=commands, stdout=output, stderr=faults, timeout=BATCH_TIMEOUT)
            status = done.returncode
        except subprocess.TimeoutExpired:
            status = "timeout"
        except OSError as error:
            print(f"device-fuzz: {driver}: {error}", file=sys.stderr)
            sys.exit(2)
        output.seek(0)
        faults.seek(0)
        lines = iter(output.read().splitlines())
        said = faults.read()
    return [[answer(lines) for _ in link] for link in links], status, said


def answer(lines):
    """The lines that answer one command; none where the driver has ended."""
    made = []
    for line in lines:
        made.append(line)
        if line.startswith(("state ", "error")):
            break
    return made


def essence(answers):
    """What does not depend on the pieces: all that is sent, and the state at the end."""
    lines = [line for each in answers for line in each]
    return [line for line in lines if line.startswith("send ")] + lines[-1:]


def disagreement(drivers, commands):
    """Where drivers differ on one link: the number of the command and what each answers; None where they agree."""
    runs = [run(driver, [commands]) for driver in drivers]
    for number, command in enumerate(commands):
        said = [answers[0][number] for answers, _, _ in runs]
        if any(each != said[0] for each in said) or any(not each or each == ["error"] for each in said):
            return number, said, [faults for _, _, faults in runs]
    if any(status != 0 for _, status, _ in runs):
        return len(commands) - 1, [[f"ended with {status}"] for _, status, _ in runs], [faults for _, _, faults in runs]
    return None


def shorter(commands):
    """Shorter links to try: without a command, or with less in it."""
    for at in range(len(commands) - 1, 0, -1):
        yield commands[:at] + commands[at + 1 :]
    for at in range(1, len(commands) - 1):
        if commands[at].startswith("feed ") and commands[at + 1].startswith("feed ") and "-" not in commands[at] + commands[at + 1]:
            yield commands[:at] + [commands[at] + commands[at + 1][5:]] + commands[at + 2 :]
    for at in range(1, len(commands)):
        word, digits = commands[at].split()
        if word == "feed" and len(digits) > 2:
            yield commands[:at] + [f"feed {digits[: len(digits) // 4 * 2] or '-'}"] + commands[at + 1 :]
            yield commands[:at] + [f"feed {digits[:-2]}"] + commands[at + 1 :]


def shortened(drivers, commands):
    left, found = SHORTENINGS, True
    while found and left > 0:
        found = False
        for candidate in shorter(commands):
            left -= 1
            if left <= 0:
                break
            if disagreement(drivers, candidate):
                commands, found = candidate, True
                break
    return commands


def tell(drivers, seed, number, commands):
    commands = shortened(drivers, commands)
    at, said, faults = disagreement(drivers, commands)
    print(f"device-fuzz: link {number} of seed {seed}: a difference\n\nthe link, made shorter:\n")
    print("\n".join("    " + command for command in commands[: at + 1]))
    for driver, lines, fault in zip(drivers, said, faults):
        print(f"\n{driver}:\n" + "\n".join("    " + line for line in lines or ["nothing: it has ended"]))
        print("\n".join("    " + line for line in fault.splitlines()[:20]))
    print(f"again: --seed {seed} --first {number} --links 1")


def tell_pieces(driver, seed, number, link):
    print(f"device-fuzz: link {number} of seed {seed}: {driver} answers the same bytes in other pieces in another way")
    for commands in [link.commands, link.again]:
        answers = run(driver, [commands])[0][0]
        print("\nthe link:\n\n" + "\n".join("    " + command for command in commands))
        print("it sends, and stands at the end:\n\n" + "\n".join("    " + line for line in essence(answers)))
    print(f"\nagain: --seed {seed} --first {number} --links 1")


# --- All links


def compare(drivers, seed, first, links, ends):
    """Runs a batch; the ends of its links are counted in `ends`. True if all agree."""
    scripts = [script for link in links for script in ([link.commands] if link.again is None else [link.commands, link.again])]
    owners = [at for at, link in enumerate(links) for _ in range(1 if link.again is None else 2)]
    runs = [run(driver, scripts) for driver in drivers]
    for position, script in enumerate(scripts):
        said = [answers[position] for answers, _, _ in runs]
        is_silent = any(not each or each == ["error"] for answers in said for each in answers)
        if is_silent or any(each != said[0] for each in said):
            if disagreement(drivers, script):
                tell(drivers, seed, first + owners[position], script)
            else:
                print(f"device-fuzz: link {first + owners[position]} of seed {seed} differs only after the links before it")
            return False
        words = said[0][-1][-1].split()
        ends[" ".join(words[1 : 4 if words[1] == "ended" else 3 if words[1] == "left" else 2])] += 1
    for position in range(1, len(scripts)):
        if owners[position] == owners[position - 1]:
            for driver, (answers, _, _) in zip(drivers, runs):
                if essence(answers[position]) != essence(answers[position - 1]):
                    tell_pieces(driver, seed, first + owners[position], links[owners[position]])
                    return False
    for driver, (_, status, said) in zip(drivers, runs):
        if status != 0:
            print(f"device-fuzz: {driver} ended with {status}\n{said}")
            return False
    return True


class Counts(dict):
    def __missing__(self, name):
        return 0


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--links", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--keys", type=pathlib.Path, default=pathlib.Path("/dev/null"))
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("drivers", nargs="*")
    options = parser.parse_args()
    if options.help or not options.drivers:
        print(__doc__)
        sys.exit(0 if options.help else 64)
    ends = Counts()
    with owned_keys(options.keys) as folder:
        keys = sorted(folder.iterdir())
        for first in range(options.first, options.first + options.links, BATCH):
            count = min(BATCH, options.first + options.links - first)
            links = [Link(options.seed, first + at, keys) for at in range(count)]
            if not compare(options.drivers, options.seed, first, links, ends):
                sys.exit(1)
    for end in sorted(ends, key=ends.get, reverse=True):
        print(f"{ends[end]:>9}  {end}")
    print(f"device-fuzz: {options.links} links of seed {options.seed}, {len(options.drivers)} drivers: no difference")


main()
