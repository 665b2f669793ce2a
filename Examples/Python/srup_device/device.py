"""The device towards its server: joins in three ways, acts as a member, resigns (docs/protocol.md, sections 3 to 8)."""

import json
import queue
import time
from dataclasses import dataclass

from . import __version__
from . import messages as srup
from .messages import Frame, Message, Refused, name_of, new_token, topic_form
from .sealed import NotAValue, open_value
from .transport import DEFAULTS

JOINED, REFUSED, FAILED, NO_ANSWER = "joined", "refused", "failed", "no answer"
JOIN_STATUS = {0x50: JOINED, 0x5E: REFUSED, 0x5F: FAILED}
RESIGNED, RESIGN_FAILED = 0x70, 0x7F
ACTION_DONE, ACTION_UNKNOWN, DATA_UNKNOWN = 0x20, 0x2E, 0x3F
UPDATE_FILE, ACTIVATE_FAILED = 0xFE, 0x1F

REQUESTS = {"simple": srup.JOIN_REQ, "human": srup.HM_JOIN_REQ, "observed": srup.OBS_JOIN_REQ}
VALUE_COMES_IN = {"human": srup.HM_JOIN_RESP, "observed": srup.OBS_JOIN_RESP}

FIRST_RETRY, LONGEST_RETRY = 30.0, 600.0  # seconds, for a request that is not answered
CLOCK_AFTER = 60.0  # unanswered for so long: the server may know higher sequence ids
OUTCOME_GRACE = 0.5  # how long to wait for the beacon's OUTCOME where the server was faster


@dataclass(frozen=True)
class Node:
    """Who the device is, and who its server is. Keys are RSA keys of `cryptography`."""

    identity: int
    key: object
    server: int
    server_key: object


class Actions:
    """What a member does with the server's commands. Make a subclass of your own."""

    #: What ID_REQUEST is answered with.
    identification = {
        "product": "srup-device-python",
        "transports": sorted({"local", *DEFAULTS} - {"le-random"}),
        "version": __version__,
    }

    def __init__(self, say=print):
        self.say = say
        self.identify_seconds = 60

    def action(self, code):
        """ACTION: the status of the answer."""
        if code == 3:
            self.say(f"identify: blinking for {self.identify_seconds} s")
            return ACTION_DONE
        return ACTION_UNKNOWN

    def data(self, name, data):
        """DATA: whether the device knows it. Known data is not answered."""
        seconds = int.from_bytes(data, "little")
        if name == b"IDENTIFY_SECONDS" and len(data) == 4 and 1 <= seconds <= 3_600:
            self.identify_seconds = seconds
            return True
        return False


class Device:
    """A device with a connection to its broker. `state` is a State, `broker` a Broker."""

    def __init__(self, node, state, broker, actions=None, say=print, names_recipient=True):
        """`names_recipient`: commands must name this device in their token; the reference's servers do not do that."""
        self.node, self.state, self.broker, self.say = node, state, broker, say
        self.actions = actions or Actions(say)
        self.names_recipient = names_recipient
        self.is_stopped = False

    # --- Joining ----------------------------------------------------------------------------------------------------

    def join(self, how, timeout=200.0, observer=None, prover=None, show=None):
        """Asks the server and waits for its decision: JOINED, REFUSED, FAILED or NO_ANSWER.

        - `how`: simple, human or observed.
        - `prover`: for an observed join, a Prover that is not started; `observer`: the beacon that the request names.
        - `show(value)`: for a human-moderated join, shows the 16 bytes to people.
        """
        ends = time.monotonic() + timeout
        # No message of these joins echoes our token before the join is over: an old one, replayed, would be taken for the answer.
        if self.state.is_lost and how != "simple" and self._simple_request(ends) is None:
            return NO_ANSWER
        try:
            return self._ask(how, ends, observer, prover, show)
        finally:
            if prover is not None and prover.is_alive():
                prover.stop()

    def _simple_request(self, ends):
        """JOIN_REQ: any answer to its token is new, and so shows where the server's sequence ids are."""
        self.say("the server's last sequence id is lost: asking for a simple join first, to learn it")
        return self._ask("simple", ends, None, None, None)

    def _ask(self, how, ends, observer, prover, show):
        token = answer_token = None
        again, pause, asked_at = 0.0, FIRST_RETRY, time.monotonic()
        while (now := time.monotonic()) < ends and not self.is_stopped:
            if prover is not None and prover.fault:
                raise prover.fault
            if answer_token is None and now >= again:
                if token is not None and now - asked_at >= CLOCK_AFTER:
                    self.state.begin_at_clock()
                token = token or new_token()  # repetitions have the first one's, so that an answer counts to any of them (D35)
                self._request(how, observer, token)
                again, pause = now + pause, min(2 * pause, LONGEST_RETRY)
                if prover is not None and not prover.is_alive():
                    prover.start()
            message = self._next(min(0.2, ends - now))
            if message is None:
                continue
            if message.kind == VALUE_COMES_IN.get(how) and not self.state.is_lost:
                value = self._open(message)
                if value is not None:
                    answer_token = message.token
                    self.say("the value has arrived")
                    (prover.give if how == "observed" else show)(value)
            # Once the value has come, the answer has that message's token, and no other counts (D30, D31).
            elif message.kind == srup.RESPONSE and message.token == (answer_token or token):
                outcome = self._decided(how, message, message.token == answer_token)
                if outcome is not None:
                    self._wait_for_outcome(prover)
                    return outcome
            else:
                self._ignore(message)
        return NO_ANSWER

    def _request(self, how, observer, token):
        fields = {"observer": observer} if how == "observed" else {}
        self.say(f"asking {self.node.server:016x} for a join: {how}")
        self.state.membership = "stranger"  # as the server sees it until it has answered
        self._send(REQUESTS[how], token, fields, is_request=True)

    def _open(self, message):
        # The seal shows that the message is for us. Until it is open, it may be a copy of one for another device: then its sequence
        # id must not keep out messages for us.
        try:
            value = open_value(message.fields["sealed"], self.node.key)
        except NotAValue as error:
            self.say(f"ignored {name_of(message.kind)}: {error}")
            return None
        self.state.accept(message.sequence)
        return value

    def _decided(self, how, message, is_with_value):
        outcome = JOIN_STATUS.get(message.fields["status"])
        # Success under the request's own token: nobody has seen the value.
        if outcome is None or (outcome == JOINED and how != "simple" and not is_with_value):
            self._ignore(message)
            return None
        if self.state.is_lost:
            self.state.accepted = message.sequence - 1
        self.state.accept(message.sequence, "member" if outcome == JOINED else "stranger")
        return outcome

    def _wait_for_outcome(self, prover):
        ends = time.monotonic() + OUTCOME_GRACE
        while prover is not None and prover.is_proving and time.monotonic() < ends:
            time.sleep(0.02)

    # --- As a member ------------------------------------------------------------------------------------------------

    def send_data(self, name, data):
        """Sends DATA to the server: an id and bytes."""
        self._send(srup.DATA, new_token(naming=self.node.server), {"id": name, "data": data})

    def serve(self, seconds=None):
        """Carries out the server's commands until the membership ends, `is_stopped` is set, or so many seconds have passed."""
        ends = time.monotonic() + seconds if seconds is not None else float("inf")
        while self.state.membership == "member" and not self.is_stopped and time.monotonic() < ends:
            message = self._next(0.2)
            if message is not None:
                self._command(message)

    def _command(self, message):
        fields, token = message.fields, message.token
        if message.kind not in COMMANDS:
            return self._ignore(message)
        if not self._names_us(token):
            return self.say(f"ignored {name_of(message.kind)}: its token does not name this device")
        self.state.accept(message.sequence, "terminated" if message.kind == srup.TERMINATE_CMD else None)
        self.say(f"{name_of(message.kind)} from the server")
        if message.kind == srup.ACTION:
            self._answer(token, self.actions.action(fields["action"]))
        elif message.kind == srup.DATA:
            if not self.actions.data(fields["id"], fields["data"]):
                self._answer(token, DATA_UNKNOWN)
        elif message.kind == srup.ID_REQUEST:
            self._identify(token)
        elif message.kind == srup.INITIATE:
            self._answer(token, UPDATE_FILE)  # this device has no updater
        elif message.kind == srup.ACTIVATE:
            self._answer(token, ACTIVATE_FAILED)

    def _names_us(self, token):
        """Whether a command's token is 36 characters, `@`, and our identity: nothing else that is signed says whom it is for."""
        return not self.names_recipient or token[36:] == b"@" + topic_form(self.node.identity).encode()

    def _answer(self, token, status):
        self._send(srup.RESPONSE, token, {"status": status})

    def _identify(self, token):
        text = json.dumps(self.actions.identification, sort_keys=True).encode()
        if self.names_recipient:
            self._send(srup.DATA, token, {"id": b"IDENTIFICATION", "data": text})
        else:  # as the reference wants it
            self._send(srup.DATA, new_token(), {"id": b"IDENTIFICATION_RESPONSE", "data": text})

    def resign(self, timeout=60.0):
        """Asks the server to end the membership: True, False if it refuses, None if it does not answer."""
        token, ends = new_token(naming=self.node.server), time.monotonic() + timeout
        self._send(srup.RESIGN_REQ, token)
        while time.monotonic() < ends and not self.is_stopped:
            message = self._next(0.2)
            if message is None:
                continue
            status = message.fields.get("status")
            if message.kind == srup.RESPONSE and message.token == token and status in (RESIGNED, RESIGN_FAILED):
                self.state.accept(message.sequence, "resigned" if status == RESIGNED else None)
                return status == RESIGNED
            self._command(message)
        return None

    # --- Messages ---------------------------------------------------------------------------------------------------

    def _send(self, kind, token, fields=None, is_request=False):
        """Signs a message once, with its own sequence id, and publishes it. Join requests go to the server's topic."""
        own, server = topic_form(self.node.identity), topic_form(self.node.server)
        message = Message(kind, self.state.next_sequence(), self.node.identity, token, fields or {})
        self.broker.publish(f"SRUP/servers/{server}/{own}" if is_request else f"SRUP/{own}", message.signed(self.node.key))

    def _next(self, seconds):
        """The next message that our server has signed and that is new; None if none came in time, or one was refused."""
        try:
            payload = self.broker.messages.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None
        try:
            frame = Frame(payload)
            if frame.claimed_sender == self.node.identity:
                return None  # the topic is shared: our own message
            if frame.claimed_sender != self.node.server:
                raise Refused(f"{frame.claimed_sender:016x} is not our server")
            message = frame.verified(self.node.server_key)
            self.state.check(message.sequence)
            return message
        except Refused as why:
            self.say(f"refused a message of {len(payload)} bytes: {why}")
            return None

    def _ignore(self, message):
        self.say(f"ignored {name_of(message.kind)}: not now")


COMMANDS = (srup.ACTION, srup.DATA, srup.ID_REQUEST, srup.INITIATE, srup.ACTIVATE, srup.TERMINATE_CMD)
