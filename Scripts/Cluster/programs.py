"""Programs that a trial starts, kills and stops: each with its children in a process group of its own."""

import os
import pathlib
import random
import signal
import socket
import subprocess
import time

from page import Fault


class Program:
    """A running program, its output added to `log`."""

    def __init__(self, command, log, environment=None):
        self.log = pathlib.Path(log)
        with open(self.log, "ab") as output:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=None if environment is None else {**os.environ, **environment},
                start_new_session=True,
            )

    @property
    def pid(self):
        return self._process.pid

    @property
    def is_running(self):
        return self._process.poll() is None

    def signal(self, number):
        """To the whole group; nothing where it has ended."""
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            pass

    def kill(self):
        """SIGKILL: nothing is saved."""
        self.signal(signal.SIGKILL)
        self._process.wait()

    def hang(self):
        """SIGSTOP: its connections stay open, and nothing is answered."""
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def end(self, seconds=10):
        """SIGTERM, and SIGKILL if that does not help."""
        self.resume()
        if self.is_running:
            # The program alone: it ends its children in its own order.
            self._process.terminate()
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def text(self, since=0):
        """What it has logged from this place on."""
        with open(self.log, "rb") as file:
            file.seek(since)
            return file.read().decode(errors="replace")

    @property
    def length(self):
        return self.log.stat().st_size


def free_ports(count):
    """Ports of the loopback interface that nothing listens on, all different. They lie below those from which Linux takes ports for
    outgoing connections, so that none of those takes the port of a broker that is down for a moment."""
    sockets = []
    try:
        while len(sockets) < count:
            made = socket.socket()
            try:
                made.bind(("127.0.0.1", random.randint(20_000, 32_000)))
                sockets.append(made)
            except OSError:
                made.close()
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def listens(port):
    """Whether something takes connections at this port."""
    try:
        socket.create_connection(("127.0.0.1", port), 2).close()
        return True
    except OSError:
        return False


def wait_for(seconds, condition, what, pause=0.05):
    """Until the condition holds; its value. Raises Fault when the time is over."""
    end = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > end:
            raise Fault(f"{what}: not within {seconds} s")
        time.sleep(pause)
