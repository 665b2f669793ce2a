"""The configuration files of docs/scaling.md, with the names, ports and folders of a trial in place of the page's.

A file is the indented block after the mark `<!-- file: NAME -->`: what is tried is what the page shows.
"""

import pathlib
import sys

PROJECT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = PROJECT / "docs" / "scaling.md"
sys.path[:0] = [str(PROJECT / "Scripts" / "Device"), str(PROJECT / "Examples" / "Python")]

from bench_site import Fault  # noqa: E402


class Missing(Fault):
    """A program is not there: nothing was tried."""


def block(name):
    """The text of a file as the page has it. Raises Fault."""
    lines = PAGE.read_text().splitlines()
    mark = f"<!-- file: {name} -->"
    if lines.count(mark) != 1:
        raise Fault(f"{PAGE.name} has the mark {mark} {lines.count(mark)} times")
    taken = []
    for line in lines[lines.index(mark) + 1 :]:
        if line.startswith("    "):
            taken.append(line[4:])
        elif line and taken:
            break
        elif line:
            raise Fault(f"{PAGE.name} has no indented block after {mark}")
        else:
            taken += [""] if taken else []
    return "\n".join(taken).rstrip() + "\n"


def filled(name, values):
    """The text of a file with each of `values` in place of what it says on the page. Raises Fault where the page does not say it."""
    text = block(name)
    for said, value in values.items():
        if said not in text:
            raise Fault(f"{PAGE.name}: {name} does not have: {said}")
        text = text.replace(said, str(value))
    return text
