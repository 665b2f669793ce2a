"""Reads what runs of Swift Testing have left with --xunit-output.

Usage: results.py filter FILE    a pattern for --filter that matches the tests that failed; nothing where none is known
       results.py judge FOLDER   what a part of a test run comes to, after its first run and, where that failed, its second

A part's folder holds first.status and first.xml, and perhaps second.status and second.xml. judge adds three files: `counts`
(passed, failed, skipped), `failed` (a line for each test that did not pass in any run, or for the part where a run ended without
results) and `flaky` (a line for each test that failed in one run and passed in the other).
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as tree


NO_TESTS = "69"  # Swift Testing's exit status where no test is selected


class Run:
    """One run: which tests passed, were skipped, and failed with what message. No results: it crashed, or was cut off."""

    def __init__(self, file):
        status = file.with_suffix(".status")
        self.status = status.read_text().strip() if status.exists() else None
        self.failed, self.skipped, self.passed = {}, set(), set()
        for case in self.cases(file):
            name = case.get("classname") + "/" + case.get("name")
            failure = case.find("failure")
            if failure is not None:
                self.failed[name] = " ".join(failure.get("message", "").split())[:300]
            elif case.find("skipped") is not None:
                self.skipped.add(name)
            else:
                self.passed.add(name)
        self.took_place = self.status is not None
        self.ended_early = self.took_place and self.status not in ("0", NO_TESTS) and not self.failed

    @staticmethod
    def cases(file):
        try:
            return list(tree.parse(file).getroot().iter("testcase"))
        except (OSError, tree.ParseError):  # a run that is killed leaves the first line
            return []


def pattern(run):
    """Swift Testing knows a test as Module.Suite/NestedSuite/function(labels:)."""
    ids = {re.sub(r"^.*?([^./]+)/([^(/]+)\(.*$", r"\1/\2(", name) for name in run.failed}
    return "|".join(re.escape(each) for each in sorted(ids))


def judge(folder):
    first, second = (Run(folder / (name + ".xml")) for name in ("first", "second"))
    whole = "the run ended without results: see its log"
    failed = dict(second.failed) if first.ended_early else {}
    failed.update({name: text for name, text in first.failed.items() if name not in second.passed})
    if second.ended_early or (first.ended_early and not second.took_place):
        failed["all of it"] = whole
    flaky = {name: text for name, text in {**second.failed, **first.failed}.items() if name not in failed}
    if first.ended_early and "all of it" not in failed:
        flaky["all of it"] = whole
    passed = (first.passed | second.passed) - failed.keys()
    if not passed and not failed:
        failed["no test was run"] = "the options select none"
    (folder / "counts").write_text(f"{len(passed)} {len(failed)} {len(first.skipped | second.skipped)}\n")
    for name, lines in (("failed", failed), ("flaky", flaky)):
        (folder / name).write_text("".join(f"{folder.name}: {key}: {text}\n" for key, text in lines.items()))


if sys.argv[1] == "filter":
    print(pattern(Run(pathlib.Path(sys.argv[2]))))
else:
    judge(pathlib.Path(sys.argv[2]))
