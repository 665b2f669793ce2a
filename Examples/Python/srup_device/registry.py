"""Enrolment at a registration service over HTTPS (docs/registry.md): register, validate, access. An interrupted one continues."""

import base64
import calendar
import http.client
import json
import re
import secrets
import ssl
import time
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from . import keys
from .keys import Fault
from .messages import identity_from, topic_form

LARGEST_REPLY = 256 * 1024
PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.MAX_LENGTH)
PSS_ANY = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.AUTO)


class Enrolled:
    """The folder of an enrolled device. `record` is enrolment.json; nothing in it is secret."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.key, self.public_key = self.folder / "key.pem", self.folder / "key.pub.pem"
        self.server_key = self.folder / "server.pub.pem"
        self.ca = self.folder / "access/ca.pem"
        self.certificate, self.tls_key = self.folder / "access/certificate.pem", self.folder / "access/key.pem"
        self.record_file = self.folder / "enrolment.json"
        self.record = json.loads(keys.read_file(self.record_file)) if self.record_file.exists() else {}

    def store(self, **values):
        """Adds to the record; it is on disk when this returns."""
        self.record.update(values)
        keys.write_file(self.record_file, json.dumps(self.record, indent=1, sort_keys=True).encode(), 0o644)

    @property
    def is_complete(self):
        """Whether the certificate is there."""
        return self.certificate.exists() and "broker" in self.record

    @property
    def identity(self):
        """The identity, a number."""
        return identity_from(self.record["identity"])

    @property
    def server(self):
        """The server's identity, a number."""
        return identity_from(self.record["server"])


class Service:
    """The registration service at a URL. Replies are bounded in size and time; redirections are not followed."""

    def __init__(self, url, ca=None, timeout=30.0):
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise Fault(f"{url} is not the address of a registration service", "give https://HOST[:PORT][/PATH]")
        self.host = parts.hostname.lower()
        self._port, self._path, self._timeout = parts.port or 443, parts.path.rstrip("/"), timeout
        try:
            self._tls = ssl.create_default_context(cafile=ca)
        except (OSError, ssl.SSLError) as error:
            raise Fault(f"{ca} cannot be used: {error}", "give the service's CA certificates, PEM: --ca") from None

    def ask(self, what, body=None):
        """(status, text of the reply). Raises Fault where there is no reply."""
        ends = time.monotonic() + self._timeout
        connection = http.client.HTTPSConnection(self.host, self._port, timeout=self._timeout, context=self._tls)
        try:
            path = f"{self._path}/KeyEx/register/{what}"
            if body is None:
                connection.request("GET", path)
            else:
                connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            reply, text = connection.getresponse(), b""
            while piece := reply.read1(16_384):
                text += piece
                if len(text) > LARGEST_REPLY or time.monotonic() > ends:
                    raise Fault(f"the reply to {what} is too long or too slow", "ask who runs the service")
            return reply.status, text.decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            hint = "check the URL and --ca, and that the service runs; then run this again"
            raise Fault(f"the registration service cannot be asked ({what}): {error}", hint) from None
        finally:
            connection.close()

    def get(self, what, body=None, wanted=200):
        """The text of a successful reply. Raises Fault."""
        status, text = self.ask(what, body)
        if status != wanted:
            said = "".join(c if c.isprintable() else "?" for c in text.strip()[:200])
            raise Fault(f"the registration service answers {what} with {status}: {said}", "ask who runs it")
        return text


def enrol(url, folder, ca=None, kind="device", identity=None, token=None, bits=3_072, timeout=30.0, say=print):
    """Enrols a device into a folder, or continues: the Enrolled. Raises Fault; finished steps are kept."""
    service, enrolled = Service(url, ca, timeout), Enrolled(folder)
    if enrolled.is_complete:
        say(f"{topic_form(enrolled.identity)} is enrolled already")
        return enrolled
    status = _members(service.get("status"), "status", identity=str, active=bool)
    if not status["active"] or not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", status["identity"]) or ".." in status["identity"]:
        raise Fault("the registration service is not active, or has no valid identity", "ask who runs it")
    key = _begin(enrolled, url, status, kind, identity, bits, say)
    if "broker" not in enrolled.record:
        _register(service, enrolled, key, token)
        say(f"registered; broker {enrolled.record['broker']}, server {enrolled.record['server']}")
    if not enrolled.record.get("validated"):
        _validate(service, enrolled, key)
        say("the service has checked our key, and has proved its own")
    _access(service, enrolled, key, bits)
    say(f"the certificate for the broker is in {enrolled.certificate}")
    return enrolled


def _begin(enrolled, url, status, kind, identity, bits, say):
    enrolled.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    record = enrolled.record
    if not record:
        chosen = topic_form(identity if identity is not None else secrets.randbits(64) | 1 << 63)
        enrolled.store(identity=chosen, url=url, type=kind, service=status["identity"])
    elif (identity is not None and identity != enrolled.identity) or record["url"] != url:
        raise Fault(f"{enrolled.folder} holds the enrolment of {record['identity']} at {record['url']}", "give another --folder")
    elif record["service"] != status["identity"]:
        raise Fault(f"the service was {record['service']}, and is {status['identity']} now", "ask who runs it")
    if status.get("statements") == "named":
        enrolled.store(named=True)  # and it stays so: a service that had it must not lose it
    if not enrolled.key.exists():
        keys.write_file(enrolled.key, keys.private_pem(keys.new_key(bits)))
    key = keys.load_private_key(enrolled.key)
    keys.write_file(enrolled.public_key, keys.public_pem(key.public_key()), 0o644)
    say(f"identity {enrolled.record['identity']}, key in {enrolled.key}")
    return key


def _register(service, enrolled, key, token):
    body = {"identity": enrolled.record["identity"], "type": enrolled.record["type"]}
    body["key"] = base64.b64encode(keys.public_der(key.public_key())).decode()
    if token:
        body["token"] = token
    told = _members(service.get("register", body, 201), "register", broker=str, default_c2=str, key=str)
    broker = broker_place(told["broker"])
    server_key = keys.public_key(_base64(told["key"], "register"), "the server's key in the reply")
    try:
        server = identity_from(told["default_c2"])
    except ValueError:
        server = 0
    if server < 0x10 or server == enrolled.identity or _same(server_key, key.public_key()):
        raise Fault("the reply to register names no server, or this device itself", "ask who runs the service")
    keys.write_file(enrolled.server_key, keys.public_pem(server_key), 0o644)
    enrolled.store(broker=broker, server=topic_form(server))


def _validate(service, enrolled, key):
    identity, name = enrolled.record["identity"], enrolled.record["service"]
    body, statement = {"identity": identity}, identity
    if enrolled.record.get("named"):
        body["registry"], statement = name, f"validate {identity} at {name} on {service.host}"
    body["signature"] = _signed(key, statement.encode())
    told = _members(service.get("validate", body), "validate", identity=str, signature=str)
    text = service.get(f"get_key/{name}")
    service_key = keys.public_key(_base64(text, "get_key"), "the service's key")
    try:
        service_key.verify(_base64(told["signature"], "validate"), name.encode(), PSS_ANY, hashes.SHA256())
    except InvalidSignature:
        raise Fault("the reply to validate is not signed by the service", "ask who runs it") from None
    if told["identity"] != name:
        raise Fault(f"the service calls itself {name} in one reply and otherwise in another", "ask who runs it")
    enrolled.store(validated=True)


def _access(service, enrolled, key, bits):
    identity = enrolled.record["identity"]
    access = enrolled.certificate.parent
    access.mkdir(mode=0o700, exist_ok=True)
    if not enrolled.tls_key.exists():
        keys.write_file(enrolled.tls_key, keys.private_pem(keys.new_key(bits)))
    tls_key = keys.load_private_key(enrolled.tls_key)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, identity)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(tls_key, hashes.SHA256())
    pem = request.public_bytes(serialization.Encoding.PEM)
    body = {"identity": identity, "csr": base64.b64encode(pem).decode(), "signature": _signed(key, pem)}
    told = _members(service.get("access", body), "access", certificate=str, CA_certificate=str)
    chain, authorities = (_certificates(told[name]) for name in ("certificate", "CA_certificate"))
    names = [attribute.value for attribute in chain[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if names != [identity] or not _same(chain[0].public_key(), tls_key.public_key()):
        raise Fault("the certificate is for another identity or another key", "ask who runs the service")
    if not _leads_to(chain, authorities):
        raise Fault("the certificate is not signed by the CA that came with it", "ask who runs the service")
    keys.write_file(enrolled.ca, b"".join(one.public_bytes(serialization.Encoding.PEM) for one in authorities), 0o644)
    keys.write_file(enrolled.certificate, b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain), 0o644)


def broker_place(text):
    """HOST:PORT of a broker's URL; `mqtt://` means TLS too, on port 8883. Raises Fault."""
    found = re.fullmatch(r"(?:mqtt|mqtts|ssl|tls)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?/?", text[:300], re.ASCII)
    if not found or not 1 <= int(found[2] or 8_883) <= 65_535:
        raise Fault("the reply to register gives no broker's address", "ask who runs the service")
    return f"{found[1].lower()}:{found[2] or 8_883}"


def certificate_begins(path):
    """The *not before* of a certificate, in seconds since 1970. Raises Fault."""
    certificate = _certificates(base64.b64encode(keys.read_file(path)).decode())[0]
    # cryptography 42 and later has the first form, and warns of the second.
    begins = getattr(certificate, "not_valid_before_utc", None) or certificate.not_valid_before
    return calendar.timegm(begins.timetuple())


def _signed(key, data):
    return base64.b64encode(key.sign(data, PSS, hashes.SHA256())).decode()


def _same(one, other):
    return keys.public_der(one) == keys.public_der(other)


def _members(text, what, **wanted):
    """The members of a JSON object, those named here of these types."""
    try:
        members = json.loads(text)
    except ValueError:
        members = None
    if not isinstance(members, dict) or not all(isinstance(members.get(name), kind) for name, kind in wanted.items()):
        raise Fault(f"the reply to {what} does not have {', '.join(wanted)}", "ask who runs the service")
    return members


def _base64(text, what):
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        raise Fault(f"the reply to {what} has something that is not base64", "ask who runs the service") from None


def _certificates(text):
    """The certificates of PEM in base64: at least one."""
    blocks = re.findall(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", _base64(text, "access"), re.DOTALL)
    try:
        found = [x509.load_pem_x509_certificate(block + b"\n") for block in blocks]
    except ValueError:
        found = []
    if not found:
        raise Fault("there is no certificate in it", "ask who runs the service")
    return found


def _leads_to(chain, authorities):
    """Whether a chain's first certificate is signed by one of the CAs, over the others of the chain."""
    at, left = chain[0], list(chain[1:])
    while True:
        if any(_is_issued_by(at, authority) for authority in authorities):
            return True
        above = next((one for one in left if _is_issued_by(at, one)), None)
        if above is None:
            return False
        left.remove(above)
        at = above


def _is_issued_by(certificate, issuer):
    key, signed = issuer.public_key(), (certificate.signature, certificate.tbs_certificate_bytes)
    try:
        if certificate.issuer != issuer.subject:
            return False
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(*signed, padding.PKCS1v15(), certificate.signature_hash_algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(*signed, ec.ECDSA(certificate.signature_hash_algorithm))
        else:
            return False
        return True
    except InvalidSignature:
        return False
