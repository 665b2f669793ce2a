/// What stands in a file where a key was wanted, as far as its first PEM label shows.
public enum KeyContent: String, Equatable, Sendable {
    /// A private key under a passphrase, which nobody could type.
    case encryptedKey
    /// A private key.
    case privateKey
    /// A public key.
    case publicKey
    /// A certificate, or a request for one.
    case certificate

    init?(_ bytes: UnsafeRawBufferPointer) {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 1_000)
        let (begin, end) = ("-----BEGIN ", "-----")
        guard let first = lines.firstIndex(where: { $0.starts(with: begin.utf8) }) else { return nil }
        let label = String(decoding: lines[first].dropFirst(begin.utf8.count), as: UTF8.self)
            .prefix { $0 != "-" && $0 != "\r" && $0 != "\r\n" }
        guard label.utf8.count + begin.utf8.count + end.utf8.count <= lines[first].count else { return nil }
        let isUnderPassphrase = lines[(first + 1)...].first?.starts(with: "Proc-Type: 4,ENCRYPTED".utf8) ?? false
        if label.hasSuffix("PRIVATE KEY") {
            self = label == "ENCRYPTED PRIVATE KEY" || isUnderPassphrase ? .encryptedKey : .privateKey
        } else if label.hasSuffix("PUBLIC KEY") {
            self = .publicKey
        } else if label.hasSuffix("CERTIFICATE") || label == "CERTIFICATE REQUEST" {
            self = .certificate
        } else {
            return nil
        }
    }

    var words: String {
        switch self {
        case .encryptedKey: "a private key under a passphrase"
        case .privateKey: "a private key"
        case .publicKey: "a public key"
        case .certificate: "a certificate"
        }
    }
}
