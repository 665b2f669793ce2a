import COpenSSL
import OperatorText

/// What is wrong with a certificate of the broker's chain, and which one it is.
public struct CertificateFault: Equatable, Sendable {
    /// Whose certificate it is.
    public enum Holder: Equatable, Sendable {
        /// The broker's own.
        case broker
        /// A CA's that the broker sent: so many steps above its own.
        case authority(Int)
        /// One of our CA file.
        case anchor
    }

    /// OpenSSL's number for the reason, X509_V_ERR_…
    public let code: Int
    /// Whose certificate it is.
    public let holder: Holder
    /// Its subject on one line: `CN = root`; at most 119 bytes.
    public var subject = ""
    /// Its issuer's, as the subject.
    public var issuer = ""
    /// Its DNS names; at most 199 bytes.
    public var names = ""
    /// Its times, in seconds since 1970.
    public var (notBefore, notAfter): (Int64, Int64) = (0, 0)
    /// Whether our CA file has a CA of the issuer's name.
    public var hasNamesake = false

    /// A fault about which nothing else is known.
    public init(code: Int, holder: Holder = .broker) { (self.code, self.holder) = (code, holder) }

    enum Kind {
        case expired, notYetValid, otherName, unknownIssuer, unknownRoot, selfSigned, signature, notAuthority
        case tooManyBelow, tooLong, purpose, weakKey, weakDigest, revoked, unknown
    }

    private static let kinds: [Int32: Kind] = [
        X509_V_ERR_CERT_HAS_EXPIRED: .expired, X509_V_ERR_CERT_NOT_YET_VALID: .notYetValid,
        X509_V_ERR_HOSTNAME_MISMATCH: .otherName, X509_V_ERR_IP_ADDRESS_MISMATCH: .otherName,
        X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT: .unknownIssuer,
        X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY: .unknownIssuer,
        X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: .unknownIssuer,
        X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN: .unknownRoot, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: .selfSigned,
        X509_V_ERR_CERT_SIGNATURE_FAILURE: .signature, X509_V_ERR_INVALID_CA: .notAuthority,
        X509_V_ERR_KEYUSAGE_NO_CERTSIGN: .notAuthority, X509_V_ERR_PATH_LENGTH_EXCEEDED: .tooManyBelow,
        X509_V_ERR_CERT_CHAIN_TOO_LONG: .tooLong, X509_V_ERR_INVALID_PURPOSE: .purpose,
        X509_V_ERR_EE_KEY_TOO_SMALL: .weakKey, X509_V_ERR_CA_KEY_TOO_SMALL: .weakKey,
        X509_V_ERR_CA_MD_TOO_WEAK: .weakDigest, X509_V_ERR_CERT_REVOKED: .revoked,
    ]

    var kind: Kind { CertificateFault.kinds[Int32(clamping: code)] ?? .unknown }

    /// Whose certificate, with its subject where that is known.
    private var whose: String {
        let name = CertificateFault.quoted(subject)
        return switch holder {
        case .broker: "the broker's certificate" + name
        case .authority(let steps): "the CA certificate \(steps) above the broker's" + name
        case .anchor: "the CA certificate in our CA file" + name
        }
    }

    private static func quoted(_ name: String) -> String { name.isEmpty ? "" : " \"\(printable(name.utf8))\"" }

    private var issuerName: String { issuer.isEmpty ? "its CA" : "the CA\(CertificateFault.quoted(issuer))" }

    /// What is wrong: one line, lower case.
    var message: String {
        switch kind {
        case .expired: "\(whose) expired on \(Timestamp(notAfter))"
        case .notYetValid: "\(whose) is not valid before \(Timestamp(notBefore))"
        case .otherName: "\(whose) is for another name" + (names.isEmpty ? "" : ": \(printable(names.utf8))")
        case .unknownIssuer where hasNamesake:
            "\(whose) was issued by \(issuerName), and the one of that name in our CA file has another key"
        case .unknownIssuer: "\(whose) was issued by \(issuerName), which is not in our CA file"
        case .unknownRoot: "\(whose) is the root of the broker's chain, and is not in our CA file"
        case .selfSigned: "\(whose) is self-signed, and is not in our CA file"
        case .signature: "\(whose) is not signed by \(issuerName) that is there: its signature does not match"
        case .notAuthority: "\(whose) is not a CA's, but another one was issued with it"
        case .tooManyBelow: "\(whose) does not allow so many CAs below it"
        case .tooLong: "the broker sent more CA certificates than are looked at"
        case .purpose: "\(whose) is not for TLS servers"
        case .weakKey: "\(whose) has a key that is too short for this machine's OpenSSL"
        case .weakDigest: "\(whose) is signed with a digest that is too weak, such as SHA-1"
        case .revoked: "\(whose) has been revoked"
        case .unknown: "\(whose) is not accepted: \(String(cString: X509_verify_cert_error_string(code)))"
        }
    }

    /// What to do about it, as an imperative.
    func hint(for names: SettingNames) -> String {
        let authority = names.brokerAuthority
        return switch kind {
        case .expired where holder == .anchor:
            "put the CA's renewed certificate into \(authority), or correct this machine's clock"
        case .expired: "have \(thisOne) renewed at the broker, or correct this machine's clock"
        case .notYetValid: "correct this machine's clock"
        case .otherName: "write the name that is in the broker's certificate into \(names.brokerAddress)"
        case .unknownIssuer where hasNamesake:
            "put the present certificate of \(issuerName) into \(authority), beside the old one"
        case .unknownIssuer:
            "put the certificate of \(issuerName) into \(authority); if a CA above it is there, have the broker send this one, too"
        case .unknownRoot: "put this root, or the CA that issued the broker's certificate, into \(authority)"
        case .selfSigned: "compare it with the one that the broker has, and put it into \(authority)"
        case .signature: "put the present certificate of \(issuerName) into \(authority)"
        case .notAuthority: "give the broker a certificate that a CA has issued"
        case .tooManyBelow: "put a CA nearer to the broker's certificate into \(authority)"
        case .tooLong: "have the broker send only the CA certificates between its own and the one in \(authority)"
        case .purpose: "have it issued with extendedKeyUsage = serverAuth"
        case .weakKey: "have it issued for a longer key: RSA of 2,048 bits or more, or P-256"
        case .weakDigest: "have it issued with SHA-256"
        case .revoked: "give the broker a new certificate"
        case .unknown: "see the broker's certificates: openssl s_client -showcerts -connect HOST:PORT"
        }
    }

    private var thisOne: String { holder == .broker ? "the broker's certificate" : "that CA certificate" }
}

extension CertificateFault {
    /// What the last handshake found, as the callback noted it.
    init?(_ peer: UnsafePointer<cossl_peer>) {
        let noted = peer.pointee
        guard noted.error != 0 else { return nil }
        let depth = Int(noted.depth)
        code = Int(noted.error)
        holder = depth == 0 ? .broker : noted.is_anchor != 0 ? .anchor : .authority(depth)
        subject = String(cString: cossl_subject(peer))
        issuer = String(cString: cossl_issuer(peer))
        names = String(cString: cossl_names(peer))
        (notBefore, notAfter) = (noted.not_before, noted.not_after)
        hasNamesake = noted.has_namesake != 0
    }
}
