"""Reads what runs of Swift Testing have left with --xunit-output.

Usage: results.py filter FILE    a pattern for --filter that matches the tests that failed; nothing where none is known
       results.py judge FOLDER   what a part of a test run comes to, after its first run and, where that failed, its second

A part's folder holds first.status and first.xml, and perhaps second.status and second.xml. judge adds three files: `counts`
(passed, failed, skipped), `failed` (a line for each test that failed in both runs, or for the part where a run ended without results)
and `unsteady` (a line for each test that failed in one run of two).
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as tree


class Run:
    """One run: which tests passed, were skipped, and failed with what message. No results: it crashed, or was cut off."""

    def __init__(self, file):
        status = file.with_suffix(".status")
        self.took_place = status.exists()
        self.went_well = self.took_place and status.read_text().strip() == "0"
        self.failed, self.skipped, self.passed = {}, set(), set()
        for case in tree.parse(file).getroot().iter("testcase") if file.exists() and file.stat().st_size else ():
            name = case.get("classname") + "/" + case.get("name")
            failure = case.find("failure")
            if failure is not None:
                self.failed[name] = " ".join(failure.get("message", "").split())[:300]
            elif case.find("skipped") is not None:
                self.skipped.add(name)
            else:
                self.passed.add(name)
        self.ended_early = self.took_place and not self.went_well and not self.failed


def pattern(run):
    """Swift Testing knows a test as Module.Suite/NestedSuite/function(labels:)."""
    ids = {re.sub(r"^.*?([^./]+)/([^(/]+)\(.*$", r"\1/\2(", name) for name in run.failed}
    return "|".join(re.escape(each) for each in sorted(ids))


def judge(folder):
    first, second = (Run(folder / (name + ".xml")) for name in ("first", "second"))
    whole = "the run ended without results: see its log"
    failed, unsteady = {}, {}
    if first.ended_early and second.ended_early:
        failed["all of it"] = whole
    elif second.ended_early:
        failed.update(first.failed)
        failed["the second run"] = whole
    elif first.ended_early:  # the second was one of all tests: what fails there cannot be shown to pass
        failed, unsteady["all of it"] = second.failed, whole
    else:
        failed = {name: text for name, text in second.failed.items() if name in first.failed}
        unsteady = {name: text for name, text in {**second.failed, **first.failed}.items() if name not in failed}
    passed = (first.passed | second.passed) - failed.keys()
    if not passed and not failed:
        failed["no test was run"] = "the filter matches none"
    counts = f"{len(passed)} {len(failed)} {len(first.skipped | second.skipped)}\n"
    (folder / "counts").write_text(counts)
    for name, lines in (("failed", failed), ("unsteady", unsteady)):
        (folder / name).write_text("".join(f"{folder.name}: {key}: {text}\n" for key, text in lines.items()))


if sys.argv[1] == "filter":
    print(pattern(Run(pathlib.Path(sys.argv[2]))))
else:
    judge(pathlib.Path(sys.argv[2]))
