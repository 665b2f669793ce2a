#!/usr/bin/env python3
"""The numbered rules of the proof link (L1, L2, ... in docs/proof-link.md) and of the device profile (D1, D2, ... in docs/protocol.md).

Usage: Scripts/rules.py          looks whether each number is there once, none is missing, and what cites a rule cites one that exists;
                                 exit status 1 where not
       Scripts/rules.py --json   prints the rules: rule, page, section, sentence

A rule is an item of a list that begins with its number in bold, or a row of a table whose first cell is that. A citation is a number of
such a form in a page, an example or the vectors' sources, or, in Swift, in quotation marks or brackets.
"""

import json
import re
import sys
from pathlib import Path

PAGES = {"L": Path("docs/proof-link.md"), "D": Path("docs/protocol.md")}
RULE = re.compile(r"(?:- |\| )\*\*([LD])(\d+)\*\* ?(?:\| )?(.*)")
FEWEST = 40  # fewer rules on a page than this, and they are written in a form that nobody finds


def rules_of(kind):
    """The rules of one page in its order: number, line, section, sentence."""
    section, found = "", []
    for number, line in enumerate(PAGES[kind].read_text().splitlines(), 1):
        match = RULE.match(line)
        if line.startswith("#"):
            section = line.lstrip("# ")
        elif match and match[1] == kind:
            found.append({"number": int(match[2]), "line": number, "section": section, "text": match[3].rstrip(" |")})
        elif found and found[-1]["line"] == number - 1 and line.startswith("  ") and line.strip():
            found[-1]["text"] += " " + line.strip()
            found[-1]["line"] = number
    return found


def faults_of(kind, found):
    """A line for each number that is there twice, or missing."""
    numbers = [rule["number"] for rule in found]
    if len(numbers) < FEWEST:
        yield f"{PAGES[kind]}: {len(numbers)} rules, where at least {FEWEST} were"
    for number in sorted({number for number in numbers if numbers.count(number) > 1}):
        yield f"{PAGES[kind]}: {kind}{number} is there {numbers.count(number)} times"
    for number in sorted(set(range(1, max(numbers, default=0) + 1)) - set(numbers)):
        yield f"{PAGES[kind]}: {kind}{number} is missing"


def cited():
    """Where a rule is cited: file, line, kind, number."""
    examples = [file for form in ("md", "py", "c", "h") for file in Path("Examples").rglob(f"*.{form}") if ".build" not in file.parts]
    vectors = [*Path("Tests/Vectors").glob("*.py"), *Path("Tests/Vectors").glob("*.md")]
    pages = [*Path("docs").rglob("*.md"), Path("README.md"), *examples, *vectors]
    code = [file for root in ("Sources", "Tests") for file in Path(root).rglob("*.swift")]
    for files, form in [(pages, r"(?<![\w.-])([LD])([1-9]\d*)(?![\w.-]*\w)"), (code, r'["(]([LD])([1-9]\d*)[")]')]:
        for file in sorted(files):
            for number, line in enumerate(file.read_text().splitlines(), 1):
                yield from ((file, number, match[1], int(match[2])) for match in re.finditer(form, line))


def main():
    found = {kind: rules_of(kind) for kind in PAGES}
    if sys.argv[1:] == ["--json"]:
        rules = [
            {"rule": f"{kind}{rule['number']}", "page": str(PAGES[kind]), "section": rule["section"], "sentence": rule["text"]}
            for kind in PAGES
            for rule in found[kind]
        ]
        print(json.dumps(rules, indent=1, ensure_ascii=False))
        return 0
    if len(sys.argv) > 1:
        print(__doc__)
        return 0 if sys.argv[1:] in (["-h"], ["--help"]) else 64
    wrong = [line for kind in PAGES for line in faults_of(kind, found[kind])]
    known = {(kind, rule["number"]) for kind in PAGES for rule in found[kind]}
    wrong += [f"{file}:{line}: there is no rule {kind}{number}" for file, line, kind, number in cited() if (kind, number) not in known]
    print("\n".join(wrong), end="\n" if wrong else "")
    return int(bool(wrong))


sys.exit(main())
