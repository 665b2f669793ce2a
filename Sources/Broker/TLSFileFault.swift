import COpenSSL
import Glibc
import OperatorText

/// What is wrong with a file of ours for TLS.
public enum TLSFileFault: Equatable, Sendable {
    /// It is a FIFO, a device or a folder.
    case notRegular
    /// The CA file has a certificate that is not a CA's: its subject.
    case notAuthority(String)
    /// The certificate's file begins with another certificate than the key's: the place of the key's, from 1.
    case order(place: Int)
    /// The key is not the certificate's.
    case otherKey
    /// The key is too short, or the signature's digest too weak, for this machine's OpenSSL.
    case weak
    /// It cannot be opened: the system's error number.
    case unreadable(Int32)
    /// The private key is under a passphrase, which nobody could type.
    case passphrase
    /// A public key, or a certificate, where the private key is wanted: its PEM label.
    case notPrivate(String)
    /// Anything else: OpenSSL's error text.
    case other(String)

    var message: String {
        switch self {
        case .notRegular: "it is not a regular file"
        case .notAuthority(let subject): "it holds a certificate that is not a CA's, \"\(printable(subject.utf8))\""
        case .order(let place): "its first certificate is not the one of the key; number \(place) is"
        case .otherKey: "it is not the key of the certificate"
        case .weak: "its key is too short, or the digest of its signature too weak, for this machine's OpenSSL"
        case .unreadable(let number): "it cannot be read: \(String(cString: strerror(number)))"
        case .passphrase: "it is under a passphrase"
        case .notPrivate(let label): "it holds \"\(printable(label.utf8))\", and a private key is wanted"
        case .other(let why): why
        }
    }

    func hint(for path: String, _ names: SettingNames) -> String {
        switch self {
        case .notRegular: "put a regular file at \(path)"
        case .notAuthority:
            "leave that one out of \(names.brokerAuthority), and put in the certificate of the CA that issued it"
        case .order: "begin \(names.brokerCertificate) with our own certificate; the CAs' follow"
        case .otherKey: "put the key that matches \(names.brokerCertificate) at \(path)"
        case .weak: "have it issued for a longer key (RSA of 2,048 bits or more, or P-256), and with SHA-256"
        case .unreadable(ENOENT): "put a PEM file at \(path), or correct the path"
        case .unreadable: "let this user read it, and enter the folders above it: ls -ld \(path)"
        case .passphrase:
            "take the passphrase off, in a file for its owner only: umask 077; openssl pkey -in \(path) -out FILE"
        case .notPrivate: "put the private key that matches \(names.brokerCertificate) at \(path)"
        case .other: "put a PEM file that matches the others at \(path)"
        }
    }

    /// From what OpenSSL says about a certificate or a key.
    init(_ code: UInt) {
        let reason = Int32(truncatingIfNeeded: code & 0x7F_FFFF)
        let isOfX509 = code >> 23 & 0xFF == UInt(ERR_LIB_X509)
        if isOfX509, [X509_R_KEY_VALUES_MISMATCH, X509_R_KEY_TYPE_MISMATCH].contains(reason) {
            self = .otherKey
        } else if !isOfX509, [SSL_R_EE_KEY_TOO_SMALL, SSL_R_CA_KEY_TOO_SMALL, SSL_R_CA_MD_TOO_WEAK].contains(reason) {
            self = .weak
        } else if cossl_system_error(code) != 0 {
            self = .unreadable(cossl_system_error(code))
        } else {
            self = .other(
                ERR_reason_error_string(code).map { String(cString: $0) } ?? "OpenSSL gives no reason")
        }
    }
}
