"""The command srup-device: enrol, join, member, resign."""

import argparse
import os
import signal
import sys
from pathlib import Path

from . import __version__, messages, registry, transport
from .broker import Broker
from .device import FAILED, JOINED, NO_ANSWER, REFUSED, Device, Node
from .keys import Fault, load_private_key, load_public_key, read_file
from .messages import identity_from
from .prover import Place, Prover
from .state import State

STATUS = {JOINED: 0, REFUSED: 10, FAILED: 11, NO_ANSWER: 12}
MODES = {"keyed": ("keyed",), "challenge": ("challenge",), "value": ("value",), None: ("keyed", "challenge")}


def say(text):
    """A line on standard output, at once. What others sent is in it only as numbers and names that were checked."""
    print(f"device: {text}", flush=True)


class Parser(argparse.ArgumentParser):
    """A wrong command line has the exit status 64."""

    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(64, f"srup-device: {message}\nhint: read srup-device --help\n")


def main(arguments=None):
    """The exit status."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except Fault as fault:
        print(f"srup-device: {fault}\nhint: {fault.hint}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"srup-device: {error}\nhint: read srup-device --help", file=sys.stderr)
        return 64


def _parser():
    parser = Parser(prog="srup-device", description="A reference device for SRUP.")
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(required=True, metavar="VERB", parser_class=Parser)
    _add_enrol(verbs)
    _add_join(verbs)
    for name, run, text in (
        ("member", _member, "carry out the server's commands, as a member that has joined before"),
        ("resign", _resign, "end the membership"),
    ):
        verb = verbs.add_parser(name, help=text, description=text)
        _add_node(verb)
        verb.set_defaults(run=run)
    return parser


def _add_enrol(verbs):
    verb = verbs.add_parser("enrol", help="make keys, register, and get the certificate for the broker")
    verb.add_argument("url", metavar="URL", help="the registration service, https://host[:port][/path]")
    verb.add_argument("--folder", required=True, help="the device's folder; created, for its owner only")
    verb.add_argument("--type", default="device", help="the type to register with (default: device)")
    verb.add_argument("--identity", type=identity_from, help="the identity (default: a random one)")
    verb.add_argument("--token", help="a file with the enrolment token, or - for standard input; or SRUP_BENCH_TOKEN")
    verb.add_argument("--ca", help="CA certificates for the service, PEM; then no others are trusted")
    verb.add_argument("--timeout", type=float, default=30, help="seconds for each request (default: 30)")
    verb.add_argument("--bits", type=int, default=3_072, choices=(2_048, 3_072, 4_096), help="bits of new keys (default: 3072)")
    verb.set_defaults(run=_enrol)


def _add_node(verb):
    verb.add_argument("--enrolled", help="the folder that enrol made; replaces the options down to --server-key")
    verb.add_argument("--id", type=identity_from, help="our identity, 1 to 16 hexadecimal digits; also the MQTT client id")
    verb.add_argument("--key", help="our private key, PEM, mode 0600")
    verb.add_argument("--broker", help="the broker, host:port, by the name in its certificate")
    verb.add_argument("--ca", help="CA certificates for the broker, PEM")
    verb.add_argument("--cert", help="our client certificate for the broker, PEM")
    verb.add_argument("--tls-key", help="the private key of that certificate, PEM")
    verb.add_argument("--server", type=identity_from, help="the server")
    verb.add_argument("--server-key", help="the server's public key, PEM")
    verb.add_argument("--state", help="the folder of sequence ids and membership (default: state, beside the key)")
    verb.add_argument("--sequence", type=int, help="the least sequence id of the next message")
    verb.add_argument("--timeout", type=float, default=200, help="seconds to wait for the server (default: 200)")
    verb.add_argument(
        "--recipient", choices=("token", "broker"), default="token",
        help="broker: obey commands whose token does not name this device, as the reference's servers send them; "
        "only the broker's ACL then keeps out copies of commands for others",
    )  # fmt: skip


def _add_join(verbs):
    text = (
        "join the server. The last line is the outcome, and the exit status says the same: joined 0, refused 10 (5E), failed 11 "
        "(5F), no answer 12. A beacon's address: local:PATH, rfcomm:AA:BB:CC:DD:EE:FF[/CHANNEL], l2cap:ADDR[/PSM], "
        "le:ADDR[/PSM], le-random:ADDR[/PSM]"
    )
    verb = verbs.add_parser("join", help="join the server in one of three ways", description=text)
    _add_node(verb)
    how = verb.add_mutually_exclusive_group(required=True)
    how.add_argument("--simple", action="store_true", help="ask the server alone")
    how.add_argument("--human", action="store_true", help="a person compares the value here with the server's")
    how.add_argument("--observer", type=identity_from, help="the beacon that observes the join")
    verb.add_argument("--link", type=transport.parse, help="the address of the beacon's link")
    verb.add_argument(
        "--also", type=_place, action="append", default=[], metavar="IDENTITY=ADDRESS",
        help="another beacon of the observer's site; may be given several times",
    )  # fmt: skip
    verb.add_argument("--adapter", type=transport.bluetooth_address, default=transport.ANY, help="the local Bluetooth adapter")
    verb.add_argument("--mode", choices=("keyed", "challenge", "value"), help="default: keyed if offered, otherwise challenge")
    verb.add_argument("--data", metavar="ID=TEXT", help="once joined, send this DATA")
    verb.add_argument("--stay", action="store_true", help="once joined, carry out the server's commands until SIGTERM or SIGINT")
    verb.set_defaults(run=_join)


def _place(text):
    identity, _, address = text.partition("=")
    return Place(identity_from(identity), transport.parse(address))


# --- The verbs ----------------------------------------------------------------------------------------------------------


def _enrol(options):
    token = os.environ.get("SRUP_BENCH_TOKEN")
    if options.token == "-":
        token = sys.stdin.readline()
    elif options.token:
        token = read_file(options.token).decode("ascii", "replace")
    registry.enrol(
        options.url, options.folder, options.ca, options.type, options.identity, (token or "").strip() or None,
        options.bits, options.timeout, say,
    )  # fmt: skip
    return 0


class Session:
    """The device of the options, connected: its state is locked, SIGTERM and SIGINT stop it."""

    def __init__(self, options):
        self.options = options
        if options.enrolled:
            self._fill_in(registry.Enrolled(options.enrolled))
        names = ("id", "key", "broker", "ca", "cert", "tls_key", "server", "server_key")
        missing = [f"--{name.replace('_', '-')}" for name in names if getattr(options, name) is None]
        if missing:
            raise ValueError(f"give {', '.join(missing)}, or --enrolled")
        host, _, port = options.broker.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError(f'"{options.broker}" is not host:port')
        self.key = load_private_key(options.key)
        self.node = Node(options.id, self.key, options.server, load_public_key(options.server_key))
        self.state = State(
            options.state or Path(options.key).parent / "state", options.id, options.server, options.key,
            registry.certificate_begins(options.cert), options.sequence,
        )  # fmt: skip
        self.broker = Broker(options.id, host.strip("[]"), int(port), options.ca, options.cert, options.tls_key, say=say)

    def _fill_in(self, enrolled):
        if not enrolled.is_complete:
            raise Fault(f"there is no completed enrolment in {enrolled.folder}", "run: srup-device enrol URL --folder FOLDER")
        files = {"key": enrolled.key, "ca": enrolled.ca, "cert": enrolled.certificate, "tls_key": enrolled.tls_key}
        found = {"id": enrolled.identity, "broker": enrolled.record["broker"], "server": enrolled.server, **files}
        found["server_key"] = enrolled.server_key
        for name, value in found.items():
            if getattr(self.options, name) is None:
                setattr(self.options, name, value)

    def __enter__(self):
        self.broker.__enter__()
        recipient = self.options.recipient == "token"
        self.device = Device(self.node, self.state, self.broker, say=say, names_recipient=recipient)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(self.device, "is_stopped", True))
        return self

    def __exit__(self, *_):
        self.broker.__exit__()
        self.state.__exit__()


def _join(options):
    if (options.link is None) != (options.observer is None):
        raise ValueError("give --observer and --link together")
    data = options.data.partition("=") if options.data else None
    how = "simple" if options.simple else "human" if options.human else "observed"
    with Session(options) as session:
        prover = None
        if how == "observed":
            places = [Place(options.observer, options.link), *options.also]
            prover = Prover(
                options.id, options.server, places, MODES[options.mode],
                lambda signed: messages.sign(session.key, signed), options.adapter, say,
            )  # fmt: skip
        outcome = session.device.join(how, options.timeout, options.observer, prover, _show)
        if outcome == NO_ANSWER and not session.device.is_stopped:
            say("the server does not answer: it does not run, does not have this device's key, or knows higher sequence ids")
        say(outcome)
        if outcome == JOINED and data:
            session.device.send_data(data[0].encode(), data[2].encode())
        if outcome == JOINED and options.stay:
            _serve(session)
        return STATUS[outcome]


def _show(value):
    """The view hexadecimal of docs/human-views.md."""
    digits = value.hex().upper()
    say(f"compare: {digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}")


def _member(options):
    with Session(options) as session:
        if session.state.membership != "member":
            raise Fault(f"this device is not a member: {session.state.membership}", "run: srup-device join")
        _serve(session)
        return 0


def _serve(session):
    say("a member, waiting for commands")
    session.device.serve()
    say(f"ended as {session.state.membership}")


def _resign(options):
    with Session(options) as session:
        if session.state.membership != "member":
            raise Fault(f"this device is not a member: {session.state.membership}", "there is nothing to resign from")
        answer = session.device.resign(options.timeout)
        say({True: "resigned", False: REFUSED, None: NO_ANSWER}[answer])
        return {True: 0, False: 10, None: 12}[answer]
