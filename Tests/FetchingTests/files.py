#!/usr/bin/env python3
"""A file server on the loopback interface, for downloads: /file can be resumed, /whole cannot, /lies sends another part
than it was asked for, /busy/TIME wants to be asked again then, /gone ends the connection, /endless has no end, /cut ends in the middle, /once does so the first time, /away leads elsewhere, all else is not there.

Usage: files.py FOLDER [CERTIFICATE KEY]: writes FOLDER/port, serves FOLDER/content where there is one, and notes each request
in FOLDER/requests; with a certificate and its key, over TLS. FILES_AT: the address, 127.0.0.1 or ::1
"""
import email.utils, os, socket, ssl, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATTERN = bytes(number % 251 for number in range(200_000))


PLACE = sys.argv[1]
CUT = set()


class Files(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body, head=(), length=None):
        self.send_response(status)
        for name, value in head:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass

    def do_GET(self):
        try:
            with open(os.path.join(PLACE, "content"), "rb") as file:
                CONTENT = file.read()
        except FileNotFoundError:
            CONTENT = PATTERN
        with open(os.path.join(PLACE, "requests"), "a") as file:
            print(self.path, self.headers.get("Range", ""), self.headers.get("If-Range", ""), file=file)
        path = self.path
        if path == "/once":
            path = "/file" if path in CUT else "/cut"
            CUT.add(self.path)
        tag = [("ETag", '"v1"')]
        begin = self.headers.get("Range", "").removeprefix("bytes=").removesuffix("-")
        is_same = self.headers.get("If-Range") in (None, '"v1"')
        if path == "/file" and begin and is_same:
            start = int(begin)
            self.reply(206, CONTENT[start:], [*tag, ("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")])
        elif path in ("/file", "/whole"):
            self.reply(200, CONTENT, tag)
        elif path == "/lies":
            self.reply(206, CONTENT, [*tag, ("Content-Range", f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}")])
        elif path == "/cut":
            self.reply(200, CONTENT[: len(CONTENT) // 4], tag, len(CONTENT))
            self.close_connection = True
        elif path.startswith("/busy/"):
            when = path.removeprefix("/busy/")
            if when.startswith("date-in-"):
                when = email.utils.formatdate(time.time() + int(when.removeprefix("date-in-")), usegmt=True)
            self.reply(429, b"later", [("Retry-After", when)])
        elif path == "/gone":
            self.close_connection = True
        elif path == "/away":
            self.reply(302, b"", [("Location", "https://localhost:1/file?X-Signature=5ec4e7")])
        elif path == "/endless":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(CONTENT)
            except OSError:
                self.close_connection = True
        else:
            self.reply(404, b"it is not here" if path == "/nothing" else b"no such page " * 1_000)


class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6 if os.environ.get("FILES_AT") == "::1" else socket.AF_INET


server = Server((os.environ.get("FILES_AT", "127.0.0.1"), 0), Files)
server.daemon_threads = True
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
with open(os.path.join(sys.argv[1], "port.new"), "w") as file:
    file.write(str(server.server_port))
os.rename(os.path.join(sys.argv[1], "port.new"), os.path.join(sys.argv[1], "port"))
server.serve_forever()
