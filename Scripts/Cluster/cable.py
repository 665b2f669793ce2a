"""A TCP connection that can be cut: between two brokers, as where the network between two places fails."""

import socket
import threading


class Cable:
    """Takes connections at `port`, and passes them on to `target`, on the loopback interface. While it is cut, it takes connections and says
    nothing, as a network does that loses every packet."""

    def __init__(self, target):
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._lock, self._open, self._is_cut = threading.Lock(), set(), False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        """What is under way is lost; both ends find out by themselves."""
        with self._lock:
            self._is_cut = True

    def restore(self):
        """New connections get through. Those that were cut end now, as after a reset."""
        with self._lock:
            self._is_cut = False
            ended = list(self._open)
        for each in ended:
            self._drop(each)

    def close(self):
        self.restore()
        self._listener.close()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(near)
                if self._is_cut:
                    continue
            try:
                far = socket.create_connection(("127.0.0.1", self._target), 3)
            except OSError:
                self._drop(near)
                continue
            with self._lock:
                self._open.add(far)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source, sink):
        try:
            while data := source.recv(65_536):
                if not self._is_cut:
                    sink.sendall(data)
        except OSError:
            pass
        if not self._is_cut:
            self._drop(source)
            self._drop(sink)

    def _drop(self, each):
        with self._lock:
            self._open.discard(each)
        try:
            each.shutdown(socket.SHUT_RDWR)  # so that a thread that reads from it ends
        except OSError:
            pass
