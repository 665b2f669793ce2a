#!/usr/bin/env python3
"""Looks whether what the documents cite is there. A citation is `Room/File.swift: name, name` for Sources, or
`SomeTests/Suite: test, test` for Tests/SomeTests/Suite.swift, in backticks. On the landing page of a module (Sources/SRUP/SRUP.docc), it is
``Symbol`` or ``Symbol/member``, as DocC has it. Says what is not there; exit status 1 then."""
import re
import sys
from pathlib import Path

FEWEST = 60  # fewer citations than this, and they are written in a form that nobody checks
DECLARED = r"\b(?:func|var|let|struct|class|enum|actor|protocol|typealias)\s+{0}\b|\bcase\b[^\n]*\b{0}\b"
TESTED = r"@Test\((?:(?!@Test)[\s\S])*?\bfunc {0}\("


def faults(document: Path) -> tuple[int, list[str]]:
    """How many names a document cites, and a line for each that is not there."""
    count, wrong = 0, []
    for number, line in enumerate(document.read_text().splitlines(), 1):
        for place, names in re.findall(r"`([\w/-]+(?:\.swift|Tests/[\w/]+)): ([^`]+)`", line):
            isSource = place.endswith(".swift")
            file = Path("Sources", place) if isSource else Path("Tests", place + ".swift")
            text = file.read_text() if file.is_file() else None
            for name in names.split(", "):
                count += 1
                form = (DECLARED if isSource else TESTED).format(re.escape(name))
                if text is None or not re.search(form, text):
                    wrong.append(f"{document}:{number}: {name} in {file}")
    return count, wrong


def missing_symbols(page: Path) -> list[str]:
    """A line for each symbol that a landing page links to and its module does not declare."""
    module = Path(*page.parts[:2])
    text = "\n".join(file.read_text() for file in sorted(module.glob("*.swift")))
    names = {name for link in re.findall(r"(?<!`)``([\w/]+)", page.read_text()) for name in link.split("/")} - {module.name}
    return [
        f"{page}: {name} in {module}" for name in sorted(names) if not re.search(DECLARED.format(re.escape(name)), text)
    ]


count, wrong = 0, []
for document in sorted(Path("docs").rglob("*.md")):
    found = faults(document)
    count, wrong = count + found[0], wrong + found[1]
for page in sorted(Path("Sources").glob("*/*.docc/*.md")):
    wrong += missing_symbols(page)
if count < FEWEST:
    wrong.append(f"docs: {count} citations, where at least {FEWEST} were")
print("\n".join(wrong), end="\n" if wrong else "")
sys.exit(bool(wrong))
