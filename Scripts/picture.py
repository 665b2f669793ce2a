#!/usr/bin/env python3
"""Makes docs/demo.svg, the picture in the README: what a terminal of 80 columns shows of a real run of Scripts/demo. It has the
first scene and the last lines. The same output gives the same picture, byte for byte.

Usage: Scripts/picture.py [--from FILE]

  --from    the output of an earlier run on a terminal, which was kept: nothing is run then

Exit status: 0 if the picture was made, 1 if not, 2 where an argument is wrong.
"""
import argparse
import fcntl
import os
import re
import struct
import subprocess
import sys
import tempfile
import termios
from html import escape
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
COLUMNS = 80
# Of one character, and of the space around them, in the picture's units.
ADVANCE, LINE, MARGIN = 8.4, 18, 16
# The tones of `srup-bench diagram` and of the demo's last lines, and their class in the picture.
TONES = {"0": "", "1": "strong", "2": "faint", "32": "good", "1;31": "bad"}
# A dark terminal with an edge: it is read on light and on dark pages.
STYLE = """
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #e6eaf0 }
.strong, .bad { font-weight: bold } .faint { fill: #9aa6b6 } .good { fill: #6fd3a0 } .bad { fill: #ff8a80 }
"""


def run_demo():
    """The output of Scripts/demo on a terminal of its own; progress goes where ours goes."""
    ours, its = os.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with tempfile.TemporaryDirectory(prefix="srup-picture-") as folder:
        demo = subprocess.Popen(
            [PROJECT / "Scripts/demo"], cwd=folder, stdout=its, stdin=subprocess.DEVNULL,
            env=environment | {"TERM": "xterm-256color"})
        os.close(its)
        output = b""
        try:
            while piece := os.read(ours, 65536):
                output += piece
        except OSError:
            pass  # the terminal's other end is closed
        if demo.wait() != 0:
            sys.exit(f"picture: Scripts/demo ended with status {demo.returncode}\nhint: run it and read its last lines")
    return output.decode()


def chosen(output):
    """The lines of the picture: the command, its first scene, and how all of them went."""
    lines = output.replace("\r\n", "\n").split("\n")
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    try:
        first = next(number for number, line in enumerate(plain) if line.startswith("Scene 1: "))
        second = next(number for number, line in enumerate(plain) if line.startswith("Scene 2: "))
        end = next(number for number, line in enumerate(plain) if re.fullmatch(r"\d+ of \d+ scenes as expected", line))
    except StopIteration:
        sys.exit("picture: the output is not that of Scripts/demo\nhint: run Scripts/picture.py without --from")
    last = max(number for number in range(second, end) if not plain[number]) + 1
    scene = lines[first:second]
    while not scene[-1]:
        scene.pop()
    return ["\x1b[1m$ Scripts/demo\x1b[0m", "", *scene, "", "\x1b[2m[... scenes 2 to 4 ...]\x1b[0m", "", *lines[last:end + 1]]


def texts(line, y):
    """The line's words, each group at its own columns, so that any font of one width gives the same picture."""
    tone, column = "", 0
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if part.startswith("\x1b"):
            tone = TONES.get(part[2:-1], "")
            continue
        for words in re.finditer(r"\S+(?: \S+)*", part):
            mark = f' class="{tone}"' if tone else ""
            yield (f'<text{mark} x="{MARGIN + (column + words.start()) * ADVANCE:.1f}" y="{y}"'
                   f' textLength="{len(words.group()) * ADVANCE:.1f}">{escape(words.group())}</text>')
        column += len(part)


def drawn(lines):
    width, height = round(2 * MARGIN + COLUMNS * ADVANCE), 2 * MARGIN + len(lines) * LINE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        "<title>A run of Scripts/demo in a terminal: the first scene as a sequence diagram, and the last lines</title>",
        f"<style>{STYLE}</style>",
        f'<rect x="1" y="1" width="{width - 2}" height="{height - 2}" rx="8" fill="#12161c" stroke="#5d6878"/>',
    ]
    for number, line in enumerate(lines):
        parts += texts(line, MARGIN + number * LINE + 13)
    return "\n".join([*parts, "</svg>", ""])


def main():
    parser = argparse.ArgumentParser(prog="picture", usage="Scripts/picture.py [--from FILE]", add_help=False)
    parser.add_argument("--from", dest="file")
    parser.add_argument("-h", "--help", action="store_true")
    options = parser.parse_args()
    if options.help:
        print(__doc__, end="")
        return
    try:
        output = Path(options.file).read_bytes().decode(errors="replace") if options.file else run_demo()
    except OSError as fault:
        sys.exit(f"picture: {options.file} cannot be read: {fault.strerror}\nhint: name a file with the output of Scripts/demo")
    picture = PROJECT / "docs/demo.svg"
    picture.write_text(drawn(chosen(output)))
    print(f"picture: {picture}")


if __name__ == "__main__":
    main()
