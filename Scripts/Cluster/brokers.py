"""The brokers of a trial, on the loopback interface, each with the files of docs/scaling.md: two mosquittos and a bridge, three nodes of
RabbitMQ, or three of NATS. `network` is a folder that Scripts/broker has made."""

import getpass
import json
import os
import pathlib
import secrets
import shutil
import subprocess

from cable import Cable
from page import Fault, Missing, block, filled
from programs import Program, free_ports, listens, wait_for

SERVER, BRIDGE, FIRST_BEACON = "c200000000000001", "b1d9e00000000001", "bea0000000000001"


class Brokers:
    """What the engines have in common. `names` are the brokers; `ports` and `programs` are by name."""

    names = ()
    #: Whether a client's session is the same one at each of them.
    is_cluster = True
    start_limit = 60

    def __init__(self, folder, network):
        self.folder, self.network = pathlib.Path(folder), pathlib.Path(network)
        self.folder.mkdir(mode=0o700)
        self.ports = dict(zip(self.names, free_ports(len(self.names))))
        self.programs, self.hung = {}, set()

    def address(self, name):
        return f"localhost:{self.ports[name]}"

    def name_at(self, address):
        return next(name for name, port in self.ports.items() if address.endswith(f":{port}"))

    def start(self):
        for name in self.names:
            self.start_one(name)

    def start_one(self, name):
        """Until it takes clients."""
        self.programs[name] = Program(*self.command(name))
        wait_for(self.start_limit, lambda: self._is_up(name), f"{name} takes clients")

    def _is_up(self, name):
        if not self.programs[name].is_running:
            raise Fault(f"{name} has ended: {self.programs[name].text()[-600:]}")
        return listens(self.ports[name])

    def kill(self, name):
        self.programs[name].kill()

    def hang(self, name):
        self.hung.add(name)
        self.programs[name].hang()

    def repair(self):
        """Everything that was broken works again."""
        for name in list(self.hung):
            self.programs[name].resume()
        self.hung.clear()
        for name in self.names:
            if not self.programs[name].is_running:
                self.start_one(name)

    def end(self):
        for program in reversed(self.programs.values()):
            program.end(1 if self.is_cluster else 5)

    def states(self):
        """What the kernel says of each one's process: R and S run, T is stopped."""
        found = {}
        for name, program in self.programs.items():
            if not program.is_running:
                found[name] = "ended"
                continue
            with open(f"/proc/{program.pid}/stat") as file:
                found[name] = file.read().rpartition(")")[2].split()[0]
        return found

    def memory(self):
        """MiB of the processes of each one that runs (PSS)."""
        return {name: round(_proportional(program.pid) / 1024) for name, program in self.programs.items() if program.is_running}


def _proportional(group):
    """KiB of the processes of a process group (PSS)."""
    total = 0
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.getpgid(int(process)) == group:
                with open(f"/proc/{process}/smaps_rollup") as file:
                    total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except (OSError, ProcessLookupError):
            pass
    return total


class Mosquittos(Brokers):
    """A, and B with a bridge to A that can be cut. Without `saves`, B writes nothing while it runs, so that a kill loses what it holds."""

    names = ("A", "B")
    is_cluster = False
    title = "two mosquittos with a bridge"

    def __init__(self, folder, network, saves=True):
        super().__init__(folder, network)
        self.bridge = Cable(self.ports["A"])
        first, last = block("mosquitto-b.conf").split("\n", 1)
        assert "the same lines" in first and last.startswith("connection ")
        for name in self.names:
            (self.folder / name).mkdir(mode=0o700)
        values = self._values()
        listener = {"listener 8883": "listener {} 127.0.0.1", "/var/lib/mosquitto/": "{}/"}
        texts = {}
        for name in self.names:
            here = {said: value.format(place) for (said, value), place in zip(listener.items(), (self.ports[name], self.folder / name))}
            texts[name] = filled("mosquitto-a.conf", {**values, **here})
            if not saves:
                texts[name] = texts[name].replace("autosave_on_changes true\nautosave_interval 1\n", "autosave_interval 0\n")
                assert "autosave_on_changes" not in texts[name]
        texts["B"] += filled(
            "mosquitto-b.conf",
            {
                "broker-a.example.org:8883": f"localhost:{self.bridge.port}",
                "/etc/mosquitto/srup/ca.pem": self.network / "ca.pem",
                "/etc/mosquitto/srup/bridge.cert.pem": self.network / f"{BRIDGE}.cert.pem",
                "/etc/mosquitto/srup/bridge.key.pem": self.network / f"{BRIDGE}.tls.key",
            },
        )
        (self.folder / "acl").write_text(filled("acl", {SERVER: SERVER, BRIDGE: BRIDGE}))
        (self.folder / "acl").chmod(0o600)
        for name, text in texts.items():
            # Root would start it as another user, who cannot read this folder.
            text += f"user {getpass.getuser()}\nsys_interval 0\nlog_dest file {self.folder}/{name}.mosquitto.log\n"
            (self.folder / f"{name}.conf").write_text(text)

    def _values(self):
        return {
            "/etc/mosquitto/srup/ca.pem": self.network / "ca.pem",
            "/etc/mosquitto/srup/broker.cert.pem": self.network / "server.cert.pem",
            "/etc/mosquitto/srup/broker.key.pem": self.network / "server.key",
            "/etc/mosquitto/srup/acl": self.folder / "acl",
        }

    def command(self, name):
        program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
        return [program, "-c", self.folder / f"{name}.conf"], self.folder / f"{name}.log"

    def repair(self):
        self.bridge.restore()
        super().repair()

    def end(self):
        self.bridge.close()
        super().end()


class RabbitMQ(Brokers):
    """Three nodes of RabbitMQ with its MQTT plugin. `clients` are the identities that may connect; those of `all_topics` may use every topic."""

    names = ("r1", "r2", "r3")
    title = "three nodes of RabbitMQ"
    start_limit = 300

    def __init__(self, folder, network, clients, all_topics):
        super().__init__(folder, network)
        self._epmd, *self._distribution = free_ports(1 + len(self.names))
        cookie = self.folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(20))
        cookie.chmod(0o400)
        (self.folder / "enabled_plugins").write_text(block("enabled_plugins"))
        (self.folder / "definitions.json").write_text(json.dumps(definitions(clients, all_topics)))
        for number, name in enumerate(self.names, 1):
            values = {
                "mqtt.listeners.ssl.1 = 8883": f"mqtt.listeners.ssl.1 = 127.0.0.1:{self.ports[name]}",
                "/etc/rabbitmq/srup/ca.pem": self.network / "ca.pem",
                "/etc/rabbitmq/srup/broker.cert.pem": self.network / "server.cert.pem",
                "/etc/rabbitmq/srup/broker.key.pem": self.network / "server.key",
                **{f"rabbit@node-{other}": f"r{other}@localhost" for other in range(1, 4)},
            }
            text = filled("rabbitmq.conf", values)
            if number == 1:  # on three at once it left a virtual host down
                text += f"load_definitions = {self.folder}/definitions.json\n"
            (self.folder / f"{name}.conf").write_text(text)

    def start(self):
        """The first one alone, then the others. The daemon by which the nodes find each other is ours, not the system's."""
        self.programs["epmd"] = Program(["epmd", "-address", "127.0.0.1", "-port", self._epmd], self.folder / "epmd.log")
        wait_for(10, lambda: listens(self._epmd), "epmd listens")
        super().start()

    def _scripts(self):
        found = sorted(pathlib.Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin"))
        if not found:
            raise Missing("RabbitMQ is not installed: run Scripts/setup cluster")
        return found[-1]

    def _environment(self, name):
        number = self.names.index(name)
        return {
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self._epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"{name}@localhost",
            "RABBITMQ_CONFIG_FILE": str(self.folder / f"{name}.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / f"{name}.mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / f"{name}.logs"),
            "RABBITMQ_DIST_PORT": str(self._distribution[number]),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none",
            "RABBITMQ_CTL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }

    def repair(self):
        """Until every node knows the others: one that has started takes clients before that, and the loss of another one would then leave too
        few."""
        super().repair()
        for name in self.names:
            wait_for(240, lambda: self._sees_all(name), f"{name} knows the other nodes", 1)

    def _sees_all(self, name):
        command = ["rabbitmqctl", "-q", "-n", f"{name}@localhost", "-t", "60", "await_online_nodes", str(len(self.names))]
        command[0] = self._scripts() / command[0]
        environment = {**os.environ, **self._environment(name)}
        # It fails at once where the node is still starting.
        return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0

    def command(self, name):
        return [self._scripts() / "rabbitmq-server"], self.folder / f"{name}.log", self._environment(name)


class NATS(Brokers):
    """Three nodes of NATS with JetStream."""

    names = ("n1", "n2", "n3")
    title = "three nodes of NATS"

    def __init__(self, folder, network, clients, all_topics):
        super().__init__(folder, network)
        routes = dict(zip(self.names, free_ports(len(self.names))))
        own = dict(zip(self.names, free_ports(len(self.names))))
        lines = users_of_nats(clients, all_topics)
        for name in self.names:
            values = {
                "server_name: node-1": f"server_name: {name}",
                "127.0.0.1:4222": f"127.0.0.1:{own[name]}",
                "/var/lib/nats": self.folder / f"{name}.store",
                "0.0.0.0:6222": f"127.0.0.1:{routes[name]}",
                "0.0.0.0:8883": f"127.0.0.1:{self.ports[name]}",
                "/etc/nats/srup/ca.pem": self.network / "ca.pem",
                "/etc/nats/srup/broker.cert.pem": self.network / "server.cert.pem",
                "/etc/nats/srup/broker.key.pem": self.network / "server.key",
                **{f"nats://node-{number}:6222": f"nats://127.0.0.1:{routes[other]}" for number, other in enumerate(self.names, 1)},
                **lines,
            }
            (self.folder / f"{name}.conf").write_text(filled("nats.conf", values))

    def start(self):
        for name in self.names:
            self.programs[name] = Program(*self.command(name))
        for name in self.names:
            wait_for(self.start_limit, lambda: self._is_up(name), f"{name} takes clients")

    def command(self, name):
        program = shutil.which("nats-server", path=f"{os.environ['PATH']}:/usr/sbin")
        return [program or "nats-server", "-c", self.folder / f"{name}.conf"], self.folder / f"{name}.log"


def definitions(clients, all_topics):
    """RabbitMQ's definitions: those of the page's beacon for each client, those of the page's server for each of `all_topics`."""
    page = json.loads(block("definitions.json"))

    def entries(kind, like, identity):
        name = "name" if kind == "users" else "user"
        return [json.loads(json.dumps(each).replace(like, identity)) for each in page[kind] if each[name] == like]

    for kind in ("users", "permissions", "topic_permissions"):
        page[kind] = [each for like, all_ in ((SERVER, all_topics), (FIRST_BEACON, clients)) for one in all_ for each in entries(kind, like, one)]
    return page


def users_of_nats(clients, all_topics):
    """The lines of the page's server and beacon, repeated for each client."""
    lines = {}
    for like, all_ in ((SERVER, all_topics), (FIRST_BEACON, clients)):
        line = next(line for line in block("nats.conf").splitlines() if f"CN={like}" in line)
        lines[line] = "\n".join(line.replace(like, one) for one in all_)
    return lines
