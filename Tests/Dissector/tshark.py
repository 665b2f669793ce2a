"""Runs tshark with the project's dissectors, and nothing of the user's own Wireshark."""
import difflib
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PLUGINS = HERE.parent.parent / "docs" / "wireshark"
EXPECTED = HERE / "expected"
SCRATCH = pathlib.Path(os.environ["SRUP_DISSECT"])  # captures, and the output of this run; any user can read it
TITLES = ("Secure Remote Update Protocol", "SRUP Proof Link")
SECONDS = 30  # a dissector that loops ends its test
NOBODY = 65_534


def run(capture, *options):
    """Standard output of tshark, which must succeed and complain about nothing."""
    configuration = SCRATCH / "configuration"
    configuration.mkdir(exist_ok=True)
    for path in PLUGINS.glob("*.lua"):
        if not (SCRATCH / path.name).exists():
            shutil.copy(path, SCRATCH)
    scripts = [f"-Xlua_script:{path}" for path in sorted(SCRATCH.glob("*.lua"))]
    # tshark 4.4 loads no Lua for root.
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    command = ["tshark", *scripts, "-r", str(capture), *options]
    environment = {**os.environ, "HOME": str(configuration), "WIRESHARK_CONFIG_DIR": str(configuration), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=environment, errors="replace", check=False,
                          stdin=subprocess.DEVNULL, **user)
    complaints = done.stderr.splitlines()
    if done.returncode or complaints or "Lua Error" in done.stdout:
        raise AssertionError(f"tshark ended with {done.returncode} for {capture}: {complaints[:5]}\n{lua_errors(done.stdout)}")
    return done.stdout


def lua_errors(output):
    """The lines about errors in a dissector."""
    return "\n".join([line for line in output.splitlines() if "Lua Error" in line][:5])


def rows(capture, names, shown="frame", *options):
    """The values of these fields, a list for each packet that the filter `shown` takes; several values in a packet are joined by "|". No
    packet of the capture may have made a dissector fail."""
    fields = [option for name in ("_ws.lua.error", *names) for option in ("-e", name)]
    output = run(capture, "-Y", f"({shown}) or _ws.lua.error", "-T", "fields", "-E", "aggregator=|", *fields, *options)
    found = [line.split("\t") for line in output.splitlines()]
    if errors := [row[0] for row in found if row[0]]:
        raise AssertionError(f"{len(errors)} packets of {capture} made a dissector fail: {errors[:3]}")
    return [row[1:] for row in found]


def tree(capture, *options):
    """The dissectors' part of -V, for all packets: the fields with their names."""
    lines, ours = [], False
    for line in run(capture, "-V", *options).splitlines():
        if line and not line.startswith(" "):
            ours = line.startswith(TITLES)
        if ours and line:
            lines.append(line)
    return "\n".join(lines) + "\n"


def blocks(capture, *options):
    """Each message or packet of ours: its frame's number, and its fields by name as -V shows them; "title" is its first line."""
    found, frame = [], 0
    for line in run(capture, "-V", *options).splitlines():
        if line.startswith("Frame "):
            frame = int(line.split()[1].rstrip(":"))
        if line.startswith(TITLES):
            found.append((frame, {"title": line}))
        elif not line.startswith(" "):
            found.append((frame, None))
        elif found and found[-1][1]:
            name, _, value = line.strip(" []").partition(": ")
            found[-1][1].setdefault(name, value)
    return [each for each in found if each[1]]


def compare(test, name, got):
    """Fails where this is not what expected/NAME holds; with SRUP_ACCEPT=yes it is stored there instead."""
    path = EXPECTED / name
    (SCRATCH / name).write_text(got)
    if os.environ.get("SRUP_ACCEPT") == "yes":
        path.write_text(got)
        print(f"dissect: wrote {path.name}", file=sys.stderr)
    wanted = path.read_text() if path.exists() else ""
    test.assertGreater(len(got), 1000)
    difference = list(difflib.unified_diff(wanted.splitlines(), got.splitlines(), "expected", "shown", lineterm="", n=1))
    if difference:
        test.fail(f"{name} differs from Tests/Dissector/expected/{name}:\n" + "\n".join(difference[:40]))
