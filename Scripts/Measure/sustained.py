#!/usr/bin/env python3
"""What Scripts/load makes of the results of srup-bench load.

Usage: Scripts/Measure/sustained.py judge CSV JSON              one line: whether the rate was sustained, and why not
       Scripts/Measure/sustained.py table NAME MODE RATE FILE   the table of a run: NAME.csv, NAME.json, NAME.ticks; FILE holds the lines of
                                                                openssl speed
       Scripts/Measure/sustained.py write FILE MODE             puts a table into docs/performance.md
"""
import csv
import json
import os
import statistics
import sys
from pathlib import Path

PAGE = Path("docs/performance.md")
# RSA private-key operations of a beacon for one join: it opens the value and signs its answer; in keyed mode it also signs the message with
# the device's proof.
PRIVATE = {"challenge": 2, "keyed": 3}
# Beside twice the time at the beginning, milliseconds of change that say nothing.
TOLERANCE = 20


def joins(path):
    """Each join that was decided: when it began, and how long it took, in milliseconds."""
    with open(path, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["join_us"]]
    return sorted((int(row["began_us"]) / 1000, int(row["join_us"]) / 1000) for row in rows)


def judge(path, totals):
    """Why a rate was not sustained; empty if it was."""
    faults = []
    if not totals["complete"] or totals["unexpected"] or totals["ends"]["joined"] != totals["joins"]:
        faults.append(f"{totals['ends']['joined']} of {totals['joins']} joins were accepted")
    late = totals["late_us"]["p99"] / 1000
    if late > 100:
        faults.append(f"joins began {late:.0f} ms late")
    times = [time for _, time in joins(path)]
    third = len(times) // 3
    if third:
        begin, end = statistics.median(times[:third]), statistics.median(times[-third:])
        if end > 2 * begin + TOLERANCE:
            faults.append(f"the queue grew: {begin:.1f} ms at the beginning, {end:.1f} ms at the end")
    return faults


def milliseconds(microseconds):
    return f"{microseconds / 1000:.1f} ms"


def table(name, mode, rate, speeds):
    totals = json.loads(Path(name + ".json").read_text())
    count, steps = totals["joins"], totals["steps_us"]
    signs, verifies = zip(*[map(float, line.split(":")[3:5]) for line in Path(speeds).read_text().split()])
    sign, verify = statistics.mean(signs), statistics.mean(verifies)
    # OpenSSL 3.0 prints operations a second here, earlier versions the seconds of one.
    private, public = (1 / sign, 1 / verify) if sign > 1 else (sign, verify)
    least = PRIVATE[mode] * private + public
    before, after = [list(map(int, line.split())) for line in Path(name + ".ticks").read_text().splitlines()]
    broker, server, beacon = [(b - a) / os.sysconf("SC_CLK_TCK") / count for a, b in zip(before, after)]
    rows = [
        (f"highest sustained rate, {count} joins of {totals['devices']} devices", f"{rate} a second"),
        (f"the beacon's cryptographic limit on one core: {PRIVATE[mode]} private-key operations and a verification, {least * 1e3:.2f} ms",
         f"{1 / least:.0f} a second"),
        ("the rate, of that limit", f"{100 * rate * least:.0f} %"),
        ("processor time of one join: beacon; server; devices; broker, with the devices' TLS handshakes",
         f"{beacon * 1e3:.1f}; {server * 1e3:.1f}; {totals['processor_s'] / count * 1e3:.1f}; {broker * 1e3:.1f} ms"),
    ]
    names = {
        "join": "OBS_JOIN_REQ to RESPONSE", "value": "OBS_JOIN_REQ to OBS_JOIN_RESP", "link": "connecting to the beacon",
        "hello": "link to HELLO", "challenge": "READY or CLAIM to CHALLENGE", "outcome": "PROOF to OUTCOME",
        "decision": "PROOF to RESPONSE", "connect": "connecting to the broker, at most 32 devices at a time", "subscribe": "SUBSCRIBE to SUBACK",
    }
    for step, words in names.items():
        if step in steps:
            rows.append((f"{words}: p50; p99", f"{milliseconds(steps[step]['p50'])}; {milliseconds(steps[step]['p99'])}"))
    print(f"| {mode} mode | |\n|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


def write(path, mode):
    """Between the marks of the mode, which are in the page."""
    begin, end = f"<!-- load: {mode} -->\n", f"<!-- /load: {mode} -->\n"
    text = PAGE.read_text()
    head, rest = text.split(begin)
    PAGE.write_text(head + begin + Path(path).read_text() + end + rest.split(end)[1])


match sys.argv[1:]:
    case ["judge", path, totals]:
        totals = json.loads(Path(totals).read_text())
        faults = judge(path, totals)
        took = totals["steps_us"].get("join")
        words = f"p50 {milliseconds(took['p50'])}, p99 {milliseconds(took['p99'])}" if took else "none accepted"
        print(f"load: {totals['joins']} joins at {totals['pace']}, {words}: {'not sustained: ' + '; '.join(faults) if faults else 'sustained'}")
    case ["table", name, mode, rate, speeds]:
        table(name, mode, int(rate), speeds)
    case ["write", path, mode]:
        write(path, mode)
    case _:
        sys.exit(__doc__)
