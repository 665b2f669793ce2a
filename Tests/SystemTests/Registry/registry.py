#!/usr/bin/env python3
"""A registration service as the reference's is (docs/registry.md), on the loopback interface, with Python's
own library and the openssl command. It answers as text/html, breaks its base64 into lines, and knows no identity twice.

Usage: registry.py FOLDER

FOLDER holds settings.json: {"broker", "server", "server_key" (PEM file), "ca" (the first certificate signs), "ca_key", "chain" (PEM
file that is added to each certificate), "certificate", "key" (the
service's own for TLS), "seconds" and "subject" of certificates, "token", "gives_own_key", and "faults": {path: fault}}, which is read anew for each request. It gets: port, log
(a line a request), service.key (the service's identity key, unless it is there), keys/ID (what was registered).
"""
import base64, json, os, ssl, subprocess, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

folder = sys.argv[1]
NAME = "5e41ce0000000001"


def place(name):
    return os.path.join(folder, name)


def settings():
    with open(place("settings.json")) as file:
        return json.load(file)


def openssl(*arguments, given=b""):
    made = subprocess.run(["openssl", *arguments], input=given, capture_output=True)
    if made.returncode:
        raise ValueError(made.stderr.decode())
    return made.stdout


PSS = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_mgf1_md:sha256"]


def signed(key, text):
    return openssl("dgst", "-sha256", *PSS, "-sigopt", "rsa_pss_saltlen:max", "-sign", key, given=text)


def holds(identity, signature, text):
    """Whether it is that identity's signature, with the longest salt, as the reference wants it."""
    with open(place("signature"), "wb") as file:
        file.write(signature)
    try:
        openssl("dgst", "-sha256", *PSS, "-sigopt", "rsa_pss_saltlen:222" if size(identity) == 2048 else
                "rsa_pss_saltlen:max", "-verify", place("keys/" + identity), "-signature", place("signature"), given=text)
        return True
    except ValueError:
        return False


def size(identity):
    text = openssl("pkey", "-pubin", "-in", place("keys/" + identity), "-noout", "-text").decode()
    return int(text.split("(")[1].split(" ")[0])


def lines(content):
    """As the reference does it: Python's encodebytes, 76 characters a line."""
    return base64.encodebytes(content).decode()


def public(path):
    return openssl("pkey", "-in", path, "-pubout")


def certified(request, given):
    with open(place("request"), "wb") as file:
        file.write(request)
    if "seconds" in given or "subject" in given:
        return otherwise(given)
    return openssl("x509", "-req", "-in", place("request"), "-CA", given["ca"], "-CAkey", given["ca_key"], "-sha256",
                   "-days", "365")


def otherwise(given):
    """A certificate of seconds, or for another name than the request's: that takes `openssl ca`."""
    home = place("ca")
    os.makedirs(home, exist_ok=True)
    for name, content in (("index", ""), ("index.attr", "unique_subject = no\n")):
        if not os.path.exists(os.path.join(home, name)):
            with open(os.path.join(home, name), "w") as file:
                file.write(content)
    with open(os.path.join(home, "conf"), "w") as file:
        file.write(f"""[ca]
default_ca = it
[it]
database = {home}/index
new_certs_dir = {home}
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = supplied
""")
    stamp = lambda moment: time.strftime("%y%m%d%H%M%SZ", time.gmtime(moment))
    now = int(time.time())
    subject = ["-subj", "/CN=" + given["subject"]] if "subject" in given else []
    return openssl("ca", "-batch", "-notext", "-config", os.path.join(home, "conf"), "-cert", given["ca"], "-keyfile",
                   given["ca_key"], "-in", place("request"), "-startdate", stamp(now - 1), "-enddate",
                   stamp(now + given.get("seconds", 86_400)), *subject)


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, head=()):
        if isinstance(body, dict):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in head:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.serve({})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Type") != "application/json":
            return self.answer(400, "no JSON")
        self.serve(json.loads(body))

    def serve(self, body):
        path = self.path.removeprefix("/KeyEx/register/")
        with open(place("log"), "a") as file:
            file.write(f"{self.command} {path} {json.dumps(body, sort_keys=True)}\n")
        fault = settings().get("faults", {}).get(path.split("/")[0])
        if fault and self.hostile(fault):
            return
        try:
            status, reply = getattr(self, path.split("/")[0])(body)
        except AttributeError:
            return self.answer(404, "not found")
        if fault and fault[0] == "merge":
            reply = {**reply, **fault[1]}
        if fault and fault[0] == "forget":
            # The request has had its effect, and its reply never arrives.
            self.close_connection = True
            return self.connection.close()
        self.answer(status, reply)

    def hostile(self, fault):
        """A reply that no service gives, instead of the real one."""
        kind, *rest = fault
        if kind == "status":
            self.answer(rest[0], rest[1])
        elif kind == "body":
            self.answer(rest[1] if len(rest) > 1 else 200, rest[0])
        elif kind == "redirect":
            self.answer(302, "", [("Location", rest[0])])
        elif kind == "huge":
            self.send_response(200)
            self.end_headers()
            try:
                for _ in range(10_000):
                    self.wfile.write(b" " * 10_000)
            except OSError:
                pass
            self.close_connection = True
        elif kind == "announced":
            self.send_response(200)
            self.send_header("Content-Length", "99999999999")
            self.end_headers()
            try:
                for _ in range(1_000):
                    self.wfile.write(b"x" * 1_000)
            except OSError:
                pass
            self.close_connection = True
        elif kind == "head":
            self.send_response(200)
            try:
                for number in range(10_000):
                    self.send_header(f"X-{number}", "x" * 100)
                self.end_headers()
            except OSError:
                pass
            self.close_connection = True
        elif kind == "slow":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b" ")
                    time.sleep(0.3)
            except OSError:
                pass
            self.close_connection = True
        elif kind == "silent":
            time.sleep(20)
            self.close_connection = True
        else:
            return False
        return True

    def status(self, _):
        return 200, {"active": True, "identity": NAME}

    def register(self, body):
        given = settings()
        if not all(isinstance(body.get(name), str) for name in ("identity", "key", "type")):
            return 400, "Missing data"
        if "token" in given and body.get("token") != given["token"]:
            return 403, "token"
        key = place("keys/" + body["identity"])
        if os.path.exists(key):
            return 400, f"Device ID {body['identity']} already exists"
        with open(key, "wb") as file:
            file.write(openssl("pkey", "-pubin", "-inform", "DER", given=base64.b64decode(body["key"], validate=True)))
        with open(given["server_key"], "rb") as file:
            return 201, {"broker": given["broker"], "default_c2": given["server"], "key": lines(file.read())}

    def validate(self, body):
        if not os.path.exists(place("keys/" + body["identity"])):
            return 500, "Internal Server Error"
        if not holds(body["identity"], base64.decodebytes(body["signature"].encode()), body["identity"].encode()):
            return 400, "Signature verification error"
        return 200, {"identity": NAME, "signature": lines(signed(place("service.key"), NAME.encode()))}

    def access(self, body):
        request = base64.decodebytes(body["csr"].encode())
        if not holds(body["identity"], base64.decodebytes(body["signature"].encode()), request):
            return 400, "CSR verification error"
        given = settings()
        with open(given["ca"], "rb") as file:
            authority = file.read()
        made = certified(request, given)
        if "chain" in given:
            with open(given["chain"], "rb") as file:
                made += file.read()
        return 200, {"certificate": lines(made), "CA_certificate": lines(authority)}

    def get_key(self, _):
        given, identity = settings(), self.path.rsplit("/", 1)[1]
        if identity == given["server"]:
            with open(given["server_key"], "rb") as file:
                return 200, lines(file.read())
        if identity == NAME and given.get("gives_own_key", False):
            return 200, lines(public(place("service.key")))
        return 404, "Not found"


os.makedirs(place("keys"), exist_ok=True)
if not os.path.exists(place("service.key")):
    openssl("genrsa", "-out", place("service.key"), "2048")
server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
server.daemon_threads = True
if "certificate" in settings():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings()["certificate"], settings()["key"])
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(place("port.new"), "w") as file:
    file.write(str(server.server_port))
os.rename(place("port.new"), place("port"))
server.serve_forever()
