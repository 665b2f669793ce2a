"""Many beacons enrol at one registry, from one address, so many at a time."""

import concurrent.futures
import os
import subprocess
import time

from brokers import SERVER
from programs import Program, free_ports, wait_for


def play(site, count, together):
    """The failures, each with what it said, and what was measured. Keys are of 2,048 bits: making them takes most of the time."""
    bench, folder, (port,) = site.programs / "srup-bench", site.folder / "registry", free_ports(1)
    key = site.keys / f"{SERVER}.pub.pem"
    made = subprocess.run(
        [bench, "registry", "init", "--folder", folder, "--host", "localhost", "--c2", SERVER, "--c2-key", key, "--bits", "2048"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    registry = Program([bench, "registry", "run", "--folder", folder, "--port", port], site.folder / "registry.log")
    try:
        wait_for(30, lambda: "listening on" in registry.text(), "the registry listens")
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(together) as pool:
            said = list(pool.map(lambda number: _enrol(bench, site.folder / "enrolled" / str(number), folder, port), range(count)))
        took = time.monotonic() - began
    finally:
        registry.end()
    waited = sum("wait" in text for status, text in said)
    return [text for status, text in said if status], {"enrolled": sum(status == 0 for status, _ in said), "waited": waited, "took_s": round(took)}


def _enrol(bench, place, registry, port):
    os.makedirs(place.parent, mode=0o700, exist_ok=True)
    done = subprocess.run(
        [bench, "enrol", f"https://localhost:{port}", "--folder", place, "--ca", registry / "ca.pem", "--bits", "2048"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode, (done.stdout + done.stderr)[-300:]
