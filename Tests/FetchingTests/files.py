#!/usr/bin/env python3
"""A file server on the loopback interface, for downloads: /file can be resumed, /whole cannot, /lies sends another part
than it was asked for, /endless has no end, /cut ends in the middle, all else is not there.

Usage: files.py FOLDER: writes FOLDER/port
"""
import os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = bytes(number % 251 for number in range(200_000))


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
        tag = [("ETag", '"v1"')]
        begin = self.headers.get("Range", "").removeprefix("bytes=").removesuffix("-")
        is_same = self.headers.get("If-Range") in (None, '"v1"')
        if self.path == "/file" and begin and is_same:
            start = int(begin)
            self.reply(206, CONTENT[start:], [*tag, ("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")])
        elif self.path in ("/file", "/whole"):
            self.reply(200, CONTENT, tag)
        elif self.path == "/lies":
            self.reply(206, CONTENT, [*tag, ("Content-Range", f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}")])
        elif self.path == "/cut":
            self.reply(200, CONTENT[:50_000], tag, len(CONTENT))
            self.close_connection = True
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(CONTENT)
            except OSError:
                self.close_connection = True
        else:
            self.reply(404, b"it is not here")


server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
server.daemon_threads = True
with open(os.path.join(sys.argv[1], "port.new"), "w") as file:
    file.write(str(server.server_port))
os.rename(os.path.join(sys.argv[1], "port.new"), os.path.join(sys.argv[1], "port"))
server.serve_forever()
