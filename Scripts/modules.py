#!/usr/bin/env python3
"""Compares the imports below Sources with the table of modules in docs/architecture.md. A row names a folder and every
module that its files import; the system's own (Glibc, Synchronization, Foundation) are named like the rest, because a
module of values may not have them. Says what a module imports and may not, what a row names and nothing imports, and a folder
without a row; exit status 1 then."""
import re
import sys
from pathlib import Path

TABLE = Path("docs/architecture.md")
IMPORT = re.compile(r"^[^/\"\n]*\bimport +(?:(?:struct|class|enum|protocol|func|var|let|typealias) +)?(\w+)", re.M)


def rows() -> dict[str, set[str]]:
    """The modules that each folder may import."""
    section = TABLE.read_text().split("\n## Modules\n")[1].split("\n## ")[0]
    allowed: dict[str, set[str]] = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != 3 or set(cells[0]) <= set("- ") or cells[0] == "folder of Sources":
            continue
        names = set() if cells[2] == "nothing" else {name.strip() for name in cells[2].split(",")}
        allowed[cells[0]] = names
    return allowed


def imports(folder: Path) -> dict[str, Path]:
    """Every module that the folder's files import, each with one file that does."""
    return {name: file for file in sorted(folder.rglob("*.swift")) for name in IMPORT.findall(file.read_text())}


allowed, wrong = rows(), []
folders = {folder.name for folder in Path("Sources").iterdir() if folder.is_dir()}
wrong += [f"{TABLE}: no row for {folder}" for folder in sorted(folders - allowed.keys())]
wrong += [f"{TABLE}: a row for {folder}, which is not in Sources" for folder in sorted(allowed.keys() - folders)]
for folder in sorted(folders & allowed.keys()):
    found = imports(Path("Sources", folder))
    wrong += [f"{found[name]}: {folder} may not import {name}" for name in sorted(found.keys() - allowed[folder])]
    wrong += [f"{TABLE}: {folder} imports no {name}" for name in sorted(allowed[folder] - found.keys())]
print("\n".join(wrong), end="\n" if wrong else "")
sys.exit(bool(wrong))
