"""Plays what Scripts/cluster --help describes, which sets up what this needs. Usage: play.py PROGRAMS [OPTION]..."""

import argparse
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import burst  # noqa: E402
import enrolments  # noqa: E402
from bridged import Bridged  # noqa: E402
from brokers import NATS, SERVER, Mosquittos, RabbitMQ  # noqa: E402
from clustered import Clustered  # noqa: E402
from page import Fault, Missing  # noqa: E402
from stage import GATEWAY, Site, device_id  # noqa: E402
from trials import summary, told  # noqa: E402

ENGINES = {"mosquitto": Mosquittos, "rabbitmq": RabbitMQ, "nats": NATS}
READY = 2.0  # seconds until a server with many keys is ready


class Report:
    """What was played, a row for each part, and whether all of it was good."""

    def __init__(self, file):
        self.rows, self.is_good, self._file = [], True, file

    def tell(self, result):
        print(result.line(), flush=True)
        self.is_good = self.is_good and result.is_good
        if self._file:
            with open(self._file, "a") as file:
                file.write(told([result]))

    def add(self, what, text, is_good=True):
        self.is_good = self.is_good and is_good
        self.rows.append((what, text if is_good else f"**{text}**"))
        print(f"cluster: {what}: {text}", flush=True)

    def add_joins(self, what, results, more=""):
        """Results that were told already."""
        counts = summary(results)
        times = f", median {counts['median_s']} s and worst {counts['worst_s']} s after OUTCOME" if counts["median_s"] is not None else ""
        times += f", the longest join {counts['worst_took_s']} s in all" if counts["worst_took_s"] is not None else ""
        names = ("lost", "contradicting", "doubled", "late")
        bad = ", ".join(f"{counts[name]} {name}" for name in names)
        is_good = bool(results) and not any(counts[name] for name in names)
        self.add(what, f"{counts['accepted']} of {counts['joins']} accepted: {bad}{times}{more}", is_good)

    def print(self):
        load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
        print("\n| what | result |\n|---|---|")
        for row in self.rows:
            print("| " + " | ".join(row) + " |")
        print(f"\ncluster: {'all good' if self.is_good and self.rows else 'FAILED: see the lines above'}; load of this machine: {load}")


def play_joins(options, folder, report):
    with Site(folder / "joins", options.programs, beacons=4, devices=160, connecting=160, window=60) as site:
        number = 0
        for engine in options.engine:
            results = []

            def tell(result, results=results):
                results.append(result)
                report.tell(result)

            is_pair = engine == "mosquitto"
            trials = Bridged(site, tell) if is_pair else Clustered(site, ENGINES[engine], tell, number)
            if not options.short:
                trials.started = lambda: doctor(site)
            try:
                if is_pair:
                    trials.short() if options.short else trials.long()
                else:
                    trials.run(options.kills, options.hangs)
            finally:
                report.add_joins(f"joins: {ENGINES[engine].title}", results)
            number = trials.number


def doctor(site):
    """What the beacon's own check says about this engine."""
    beacon = site.beacon_ids[0]
    command = [site.programs / "srup-beacon", "doctor", "--config", site.folder / beacon / "beacon.conf"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    is_told = False
    for line in done.stdout.splitlines():
        # A line that says what to do belongs to the one before it.
        is_told = "broker" in line if line[:1].strip() or not line.strip().startswith("do:") else is_told
        if is_told:
            print(f"doctor: {line.strip()}", flush=True)


def make(engine, site):
    """The engine's brokers, for the site's clients and the devices' gateway."""
    folder = site.folder / engine
    return Mosquittos(folder, site.network) if engine == "mosquitto" else ENGINES[engine](folder, site.network, site.clients, [SERVER, GATEWAY])


def play_keys(options, folder, report):
    """How long a server with so many keys needs until it is ready: at its first start, and at the next, which finds its session."""
    with Site(folder / "keys", options.programs, beacons=1, devices=2, connecting=0) as site:
        many = site.folder / "many"
        site.run(site.programs / "srup-bench", "keys", "--out", many, "--bits", "2048", "--devices", str(options.keys), device_id(0))
        for engine in options.engines_of_keys:
            site.brokers = make(engine, site)
            site.brokers.start()
            names, times = site.brokers.names[:1] if engine == "mosquitto" else site.brokers.names, []
            for _ in range(2):
                times.append(site.start_server(names, keyring=many, limit=180))
                site.server.end()
            site.end()
            (site.folder / "c2.state").unlink(missing_ok=True)
            text = f"ready after {times[0]:.2f} s, with its session after {times[1]:.2f} s"
            report.add(f"a server with {options.keys} keys: {ENGINES[engine].title}", text, max(times) < READY)


def play_beacons(options, folder, report):
    """A join at each of many beacons, all at once, while one of three brokers is killed."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = options.beacons
    with Site(folder / "beacons", options.programs, beacons=count, devices=count, connecting=0, window=170) as site:
        for engine in options.engine:
            if engine == "mosquitto":
                continue
            brokers = make(engine, site)
            site.start(brokers, brokers.names)
            took = burst.start_beacons(site, count, options.rate)
            size = burst.proportional(site.beacons.values())
            report.add(f"{count} beacons: {brokers.title}", f"members {took:.0f} s after the first start, {size / 1024:.2f} MiB each (PSS)")
            first, second, _ = brokers.names
            results, measured = burst.play(site, count, second, first)
            for result in results:
                if not result.is_good:
                    report.tell(result)
            more = f"; killed after {measured['killed_after_s']} s, the last answer after {measured['took_s']} s; memory of the brokers "
            more += ", ".join(f"{name} {each} MiB" for name, each in brokers.memory().items())
            report.add_joins(f"a join at each, {second} killed: {brokers.title}", results, more)
            site.end()


def play_enrolments(options, folder, report):
    with Site(folder / "enrolments", options.programs, beacons=1, devices=1, connecting=0) as site:
        failures, measured = enrolments.play(site, options.enrolments, options.together)
        for text in failures[:3]:
            print(f"cluster: enrol: {text}", flush=True)
        text = f"{measured['enrolled']} enrolled, {len(failures)} failed, in {measured['took_s']} s, {options.together} at a time"
        report.add(f"{options.enrolments} enrolments from one address", text, not failures)


PARTS = {"joins": play_joins, "keys": play_keys, "beacons": play_beacons, "enrolments": play_enrolments}


def main():
    """The exit status."""
    parser = argparse.ArgumentParser(prog="cluster")
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", action="append", choices=PARTS)
    parser.add_argument("--engine", action="append", choices=ENGINES)
    for name, default in (("kills", 20), ("hangs", 5), ("keys", 2501), ("beacons", 1000), ("rate", 8), ("enrolments", 1000), ("together", 50)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    options.programs = options.programs.resolve()
    options.engines_of_keys = options.engine or list(ENGINES)
    options.engine = options.engine or (["mosquitto"] if options.short else ["mosquitto", "rabbitmq"])
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    if options.keep:
        options.keep.mkdir(mode=0o700)
    folder = options.keep.resolve() if options.keep else pathlib.Path(tempfile.mkdtemp(prefix="srup-cluster."))
    report = Report(options.json)
    try:
        for part in options.only or (["joins"] if options.short else PARTS):
            PARTS[part](options, folder, report)
    except BaseException:
        report.is_good = False
        raise
    finally:
        report.print()
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return 0 if report.is_good and report.rows else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Fault as fault:
        print(f"cluster: {fault}\nhint: with --keep DIR the logs stay", file=sys.stderr)
        # What is missing here has ended Scripts/cluster before, or says so itself.
        sys.exit(2 if isinstance(fault, Missing) else 1)
