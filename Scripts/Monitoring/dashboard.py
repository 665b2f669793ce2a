#!/usr/bin/env python3
"""Runs every query of docs/monitoring/dashboard.json against a recorded run of a beacon, in a Prometheus on loopback.

Usage: dashboard.py PROMETHEUS PROMTOOL

It fails if a panel names a metric that the beacon does not export, if a query is not valid or gives no number, if a legend names a label
that the result lacks, or if a panel does not follow the choice of beacons. Scripts/Monitoring/record makes the recordings: recorded.prom in the
lab, over LE, and recorded-bench.prom on a machine without a radio. They are shown as two beacons whose runs end at the same moment.
"""

import copy
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
DASHBOARD = HERE.parent.parent / "docs/monitoring/dashboard.json"
HINT = "hint: correct the panel in docs/monitoring/dashboard.json, or record again: Scripts/Monitoring/record"


class Fault(Exception):
    """What is wrong with the dashboard."""


def samples(text):
    """The moments of a recording, each with all of its lines: those that have changed replace the earlier ones."""
    state, types, moment, moments = {}, set(), None, []
    for line in text.splitlines():
        if line.startswith("# AT "):
            if moment:
                moments.append((moment, dict(state)))
            moment = int(line.split()[2])
        elif line.startswith("# TYPE "):
            types.add(line.split()[2])
        elif line and not line.startswith("#"):
            series, value = line.rsplit(" ", 1)
            state[series] = value
    return types, moments + [(moment, dict(state))]


def labelled(series, instance):
    """As node_exporter and Prometheus store it: with the machine that it came from."""
    name, _, labels = series.rstrip("}").partition("{")
    return f'{name}{{instance="{instance}"{"," + labels if labels else ""}}}'


def open_metrics(recordings, end):
    """What promtool makes blocks of: all moments of a series together."""
    lines = []
    for instance, moments in recordings.items():
        later = end - moments[-1][0]
        lines += [
            f"{labelled(each, instance)} {values[each]} {moment + later}"
            for each in sorted({each for _, values in moments for each in values})
            for moment, values in moments if each in values
        ]
    return "\n".join(sorted(lines, key=lambda line: line.split("{")[0])) + "\n# EOF\n"


def targets(dashboard):
    """Each query, with its panel."""
    return [(panel["title"], target) for panel in dashboard["panels"] for target in panel.get("targets", [])]


def check_names(dashboard, types):
    """Every metric that is named is exported, and every panel shows the chosen beacons only."""
    for title, target in targets(dashboard):
        for name in re.findall(r"\bsrup_beacon_\w+", target["expr"]):
            if name not in types and re.sub(r"_(bucket|sum|count)$", "", name) not in types:
                raise Fault(f'panel "{title}": the beacon does not export {name}')
        if 'instance=~"$instance"' not in target["expr"]:
            raise Fault(f'panel "{title}" does not follow the choice of beacons: it lacks instance=~"$instance"')


class Prometheus:
    """A server on loopback, at a port that the kernel chooses."""

    def __init__(self, program, folder):
        (folder / "empty.yml").write_text("")
        self.place = 0
        self.log = open(folder / "log", "w+", encoding="utf8")
        self.process = subprocess.Popen(
            [program, f"--config.file={folder}/empty.yml", f"--storage.tsdb.path={folder}/data",
             "--storage.tsdb.retention.time=100y", "--web.listen-address=127.0.0.1:0"],
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)

    def port(self):
        """Of the socket that the process listens on."""
        links = pathlib.Path(f"/proc/{self.process.pid}/fd").glob("*")
        inodes = {match[1] for link in links if (match := re.match(r"socket:\[(\d+)\]", self.target(link)))}
        for row in pathlib.Path("/proc/net/tcp").read_text("utf8").splitlines()[1:]:
            fields = row.split()
            if fields[3] == "0A" and fields[9] in inodes:
                return int(fields[1].split(":")[1], 16)
        return None

    @staticmethod
    def target(link):
        """Of a descriptor that may be closed meanwhile."""
        try:
            return str(link.readlink())
        except OSError:
            return ""

    def wait(self):
        """Until it answers queries."""
        for _ in range(300):
            if self.process.poll() is not None:
                break
            port = self.port()
            try:
                if port and self.get(port, "/-/ready") is not None:
                    self.place = port
                    return
            except OSError:
                pass
            time.sleep(0.1)
        self.log.seek(0)
        raise Fault("Prometheus does not start: " + self.log.read()[-500:])

    @staticmethod
    def get(port, path):
        """The body of an answer."""
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as reply:
            return reply.read()

    def query(self, expression, moment):
        """The series that a query gives at a moment."""
        words = urllib.parse.urlencode({"query": expression, "time": moment})
        try:
            return json.loads(self.get(self.place, "/api/v1/query?" + words))["data"]["result"]
        except urllib.error.HTTPError as error:
            raise Fault(json.loads(error.read())["error"]) from error

    def stop(self):
        """Ends it."""
        self.process.terminate()
        self.process.wait(10)
        self.log.close()


def instances(prometheus, dashboard, moment):
    """What the variables of the dashboard give, where all sites and names are chosen."""
    asked = next(each["query"] for each in dashboard["templating"]["list"] if each["name"] == "instance")
    selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", asked).groups()
    for variable in dashboard["templating"]["list"]:
        selector = selector.replace("$" + variable["name"], variable.get("allValue", ""))
    found = sorted({each["metric"].get(label, "") for each in prometheus.query(selector, moment)})
    if not found:
        raise Fault(f"the variable \"instance\" finds no beacon: {asked}")
    return found


def check_queries(dashboard, prometheus, moment):
    """Every query gives numbers, and what its legend names."""
    chosen = "|".join(instances(prometheus, dashboard, moment))
    for title, target in targets(dashboard):
        try:
            result = prometheus.query(target["expr"].replace("$instance", chosen), moment)
        except Fault as fault:
            raise Fault(f'panel "{title}": {fault}: {target["expr"]}') from fault
        if not [each for each in result if each["value"][1] != "NaN"]:
            raise Fault(f'panel "{title}" shows nothing: {target["expr"]}')
        for label in re.findall(r"{{(\w+)}}", target.get("legendFormat", "")):
            if not any(label in each["metric"] for each in result):
                raise Fault(f'panel "{title}": its legend names "{label}", which the result lacks')
    return len(targets(dashboard))


def must_fail(check, dashboard, change):
    """The check finds a dashboard that was broken."""
    broken = copy.deepcopy(dashboard)
    change(targets(broken)[0][1])
    try:
        check(broken)
    except Fault:
        return
    raise Fault("the check does not notice a broken panel: " + targets(broken)[0][1]["expr"])


def main(program, promtool):
    dashboard = json.loads(DASHBOARD.read_text("utf8"))
    types, recordings = set(), {}
    for file in sorted(HERE.glob("recorded*.prom")):
        found, recordings[file.stem.partition("-")[2] or "gate"] = samples(file.read_text("utf8"))
        types |= found
    moment = max(moments[-1][0] for moments in recordings.values())
    check_names(dashboard, types)
    must_fail(lambda broken: check_names(broken, types), dashboard,
              lambda target: target.update(expr='srup_beacon_colour{instance=~"$instance"}'))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "metrics").write_text(open_metrics(recordings, moment), "utf8")
        subprocess.run([promtool, "tsdb", "create-blocks-from", "openmetrics", folder / "metrics", folder / "data"],
                       check=True, stdout=subprocess.DEVNULL)
        prometheus = Prometheus(program, folder)
        try:
            prometheus.wait()
            count = check_queries(dashboard, prometheus, moment)
            for expression in ["sum(", 'srup_beacon_outbox{instance=~"$instance", site="none"}']:
                must_fail(lambda broken: check_queries(broken, prometheus, moment), dashboard,
                          lambda target: target.update(expr=expression))
        finally:
            prometheus.stop()
    print(f"dashboard: {count} queries of {len(dashboard['panels'])} panels give data of the recorded runs")


try:
    main(*sys.argv[1:])
except Fault as fault:
    sys.exit(f"dashboard: {fault}\n{HINT}")
