"""MQTT 3.1.1 over TLS, with paho-mqtt 1.x or 2.x: one topic to read, QoS 1, a clean session (docs/protocol.md, section 3)."""

import queue
import ssl
import threading

import paho.mqtt.client as mqtt

from .keys import Fault, read_file, read_private
from .messages import topic_form

QOS = 1
KEEPALIVE = 30


class Broker:
    """A connection that is made again when it is lost. Use it as a context; `messages` has the payloads that have come."""

    def __init__(self, identity, host, port, ca, certificate, key, timeout=20.0, say=print):
        self.messages = queue.Queue(maxsize=1_000)
        self.topic = f"SRUP/{topic_form(identity)}"
        self._where, self._timeout, self._say = f"{host}:{port}", timeout, say
        self._subscribed, self._fault = threading.Event(), None
        # A clean session: OBS_JOIN_RESP does not say which request it answers, so the broker must not keep one of an earlier join.
        options = {"client_id": topic_form(identity), "clean_session": True, "protocol": mqtt.MQTTv311}
        if hasattr(mqtt, "CallbackAPIVersion"):  # paho 2.x
            options["callback_api_version"] = mqtt.CallbackAPIVersion.VERSION2
        self._client = mqtt.Client(**options)
        self._client.tls_set_context(_context(ca, certificate, key))
        self._client.reconnect_delay_set(1, 30)
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._granted
        self._client.on_message = self._received
        self._host, self._port = host, port

    def __enter__(self):
        try:
            self._client.connect(self._host, self._port, KEEPALIVE)
        except ssl.SSLError as error:
            raise Fault(f"TLS with the broker {self._where} failed: {error}", "check --ca and the certificate") from None
        except OSError as error:
            raise Fault(f"the broker {self._where} cannot be reached: {error}", "check --broker, and that it runs") from None
        self._client.loop_start()
        if not self._subscribed.wait(self._timeout) or self._fault:
            self.__exit__()
            why = self._fault or "it does not answer"
            raise Fault(f"the broker {self._where} does not serve this device: {why}", "see the broker's log and its ACL")
        return self

    def __exit__(self, *_):
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic, payload):
        """Publishes with QoS 1, and waits until the broker has acknowledged it, or for the timeout.

        What is not acknowledged is published again with the next connection, as long as the process runs.
        """
        sent = self._client.publish(topic, payload, QOS)
        try:
            sent.wait_for_publish(self._timeout)
            is_acknowledged = sent.is_published()
        except (RuntimeError, ValueError):  # not connected at the moment
            is_acknowledged = False
        if not is_acknowledged:
            self._say(f"the broker {self._where} has not acknowledged a message yet")

    # The arguments that paho 1.x and 2.x give differ after these.

    def _connected(self, client, _userdata, _flags, reason, *_):
        if reason != 0:
            self._refused(f"it refuses the connection: {reason}")
        else:
            client.subscribe(self.topic, QOS)

    def _granted(self, _client, _userdata, _number, granted, *_):
        levels = [getattr(level, "value", level) for level in granted]
        if levels != [QOS]:
            self._refused(f"it grants {levels} for {self.topic}, wanted QoS {QOS}")
        elif self._subscribed.is_set():
            self._say("connected to the broker again")
        else:
            self._subscribed.set()

    def _refused(self, why):
        """At the start a fault. Later it may pass, but the device says that it hears nothing (D14)."""
        if self._subscribed.is_set():
            self._say(f"the broker {self._where} does not serve this device: {why}")
        else:
            self._fault = why
            self._subscribed.set()

    def _received(self, _client, _userdata, message):
        try:
            self.messages.put_nowait(bytes(message.payload))
        except queue.Full:
            pass  # nobody reads: dropped, as if the device were not connected


def _context(ca, certificate, key):
    read_private(key)
    read_file(certificate)
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise Fault(f"the TLS files cannot be used: {error}", "check --ca, --cert and --tls-key") from None
    return context
