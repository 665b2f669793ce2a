"""Many beacons on a cluster, each with a device that joins, all at once, while one of the brokers is killed."""

import functools
import queue
import ssl
import statistics
import threading
import time

import paho.mqtt.client as mqtt

from joins import Join
from page import Fault
from programs import Program, wait_for
from stage import GATEWAY, device_id
from trials import Result


class Gateway:
    """One client for all devices: each has a mailbox, and publishes through the same connection."""

    def __init__(self, site, broker):
        context = ssl.create_default_context(cafile=site.network / "ca.pem")
        context.load_cert_chain(site.network / f"{GATEWAY}.cert.pem", site.network / f"{GATEWAY}.tls.key")
        self._boxes, subscribed = {}, threading.Event()
        self._client = mqtt.Client(client_id=GATEWAY, clean_session=True, protocol=mqtt.MQTTv311)
        self._client.tls_set_context(context)
        self._client.max_inflight_messages_set(2_000)
        self._client.on_connect = lambda client, *_: client.subscribe("SRUP/+", 1)
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_message = self._received
        self._client.connect("localhost", site.brokers.ports[broker], 30)
        self._client.loop_start()
        if not subscribed.wait(30):
            raise Fault("the devices' broker does not answer")

    def _received(self, _client, _userdata, message):
        box = self._boxes.get(message.topic.removeprefix("SRUP/"))
        if box is not None:
            box.messages.put(bytes(message.payload))

    def mailbox(self, device):
        """What the device's join uses as its connection."""
        return self._boxes.setdefault(device, Mailbox(self._client))

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()


class Mailbox:
    """A device's messages."""

    def __init__(self, client):
        self.messages, self._client = queue.Queue(), client

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def publish(self, topic, payload):
        self._client.publish(topic, payload, 1)


def start_beacons(site, count, rate):
    """So many, at most `rate` a second, until all are members; the seconds that took, and the PSS of one in KiB."""
    began = time.monotonic()
    for number, beacon in enumerate(site.beacon_ids[:count]):
        names = site.brokers.names
        file = site.configure(beacon, names[number % 3 :] + names[: number % 3])
        site.beacons[beacon] = Program([site.programs / "srup-beacon", "run", "--config", file], site.folder / beacon / "log")
        time.sleep(max(0.0, began + (number + 1) / rate - time.monotonic()))
    wait_for(300, lambda: site.members() >= count, f"{count} beacons are members", 1)
    return time.monotonic() - began


def proportional(programs):
    """The mean of the programs' PSS, in KiB."""
    sizes = []
    for program in programs:
        with open(f"/proc/{program.pid}/smaps_rollup") as file:
            sizes.append(sum(int(line.split()[1]) for line in file if line.startswith("Pss:")))
    return statistics.mean(sizes)


def play(site, count, kills, devices_at, limit=240):
    """A join at each beacon, all at once; when a fifth of them are decided, the broker `kills` is killed. Results, and what was measured."""
    gateway = Gateway(site, devices_at)
    number, threads = site.server.length, []
    try:
        for turn, beacon in enumerate(site.beacon_ids[:count]):
            device = device_id(turn)
            threads.append(Join(site, device, None, beacon, limit=limit, connect=functools.partial(gateway.mailbox, device)))
        threading.stack_size(512 * 1024)
        began = time.monotonic()
        for each in threads:
            each.start()
        wait_for(limit, lambda: len(_decisions(site, number)) >= count / 5, "a fifth is decided", 0.05)
        killed = time.monotonic() - began
        site.brokers.kill(kills)
        for each in threads:
            each.join()
    finally:
        gateway.close()
    took = max((each.status_at or began) for each in threads) - began
    time.sleep(2)
    return [_result(site, each, number) for each in threads], {"killed_after_s": round(killed, 1), "took_s": round(took, 1)}


def _decisions(site, since):
    return [line for line in site.server.text(since).splitlines() if "observed join of" in line]


def _result(site, join, since):
    """Of a join in a burst. `late` is from OUTCOME to the server's answer at the device."""
    decisions = [line.rsplit(": ", 1)[1] for line in _decisions(site, since) if join.device in line]
    late = max(0.0, join.status_at - join.outcome_at) if join.status_at and join.outcome_at else None
    return Result(
        name="burst", step="a broker is killed", outcome=join.outcome, decision=decisions[0].split()[0] if decisions else None,
        told=join.status, late=late, took=join.status_at - join.asked_at if join.status_at else None,
        doubled=len(decisions) > 1, contradicting=join.outcome == "valid" and decisions[:1] == ["refused"],
        notes=[join.fault] if join.fault else [],
    )  # fmt: skip
