"""Connections to an HTTP server as strangers make them, for the tests of its bounds.

known PORT CA TOKEN ID      one connection that shows a token, then 450 silent ones of 15 addresses, then the first one again: both statuses
announced PORT CA           a body of 1 GB that is announced: the status, and how many bytes of it could be sent
endless PORT CA             the same in chunks
hold PORT COUNT             so many silent connections, said when they are there, until the process is ended
"""

import http.client
import socket
import ssl
import sys
import time

kind, port = sys.argv[1], int(sys.argv[2])


def connect(authority):
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    if not authority:
        return connection
    return ssl.create_default_context(cafile=authority).wrap_socket(connection, server_hostname="localhost")


def send_long_body(connection, is_announced):
    """Sends until the other end takes no more. Returns the bytes that were sent."""
    head = f"POST /KeyEx/register/register HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}\r\n"
    head += "Content-Type: application/x-www-form-urlencoded\r\n"
    head += "Content-Length: 1000000000\r\n\r\n" if is_announced else "Transfer-Encoding: chunked\r\n\r\n"
    connection.sendall(head.encode())
    piece = b"x" * 65_536
    piece = piece if is_announced else b"10000\r\n" + piece + b"\r\n"
    sent, end = 0, time.monotonic() + 5
    connection.settimeout(3)
    try:
        while time.monotonic() < end:
            sent += connection.send(piece)
    except OSError:
        pass
    return sent


def status(connection):
    answer = b""
    try:
        while b"\r\n" not in answer:
            more = connection.recv(4_096)
            if not more:
                break
            answer += more
    except OSError:
        pass
    return answer.split(b" ")[1].decode() if answer.count(b" ") > 1 else "none"


if kind == "known":
    authority, token, node = sys.argv[3:6]
    known = http.client.HTTPSConnection("localhost", port, context=ssl.create_default_context(cafile=authority))
    for turn in range(2):
        known.request("GET", f"/KeyEx/register/get_key/{node}", headers={"Authorization": f"Bearer {token}"})
        reply = known.getresponse()
        reply.read()
        known.auto_open = 0  # a second connection would be another place
        print(reply.status, flush=True)
        # This connection is one of 127.0.0.1, too.
        strangers = [
            socket.create_connection(("127.0.0.1", port), source_address=(f"127.0.0.{1 + number // 30}", 0))
            for number in range(450)  # two times as many stay below a user's usual limit of 1,024 files
        ]
        time.sleep(1)
elif kind == "hold":
    held = [connect("") for _ in range(int(sys.argv[3]))]
    print(len(held), flush=True)
    time.sleep(60)
else:
    connection = connect(sys.argv[3])
    sent = send_long_body(connection, kind == "announced")
    print(status(connection), sent)
