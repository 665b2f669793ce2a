/// Where a private key is. A key file holds the key itself, or says where it is.
public enum KeyLocation: Equatable, Sendable, CustomStringConvertible {
    /// In the file, and in our memory.
    case file
    /// In the file, wrapped by a TPM 2.0, which alone can use it: `TSS2 PRIVATE KEY` in PEM.
    case wrapped
    /// In a TPM 2.0: the file holds the line `handle:0x81……`.
    case tpm
    /// In a PKCS#11 token: the file holds the line `pkcs11:…` (RFC 7512).
    case token

    /// For log lines; it follows "the key is".
    public var description: String {
        switch self {
        case .file: "in its file"
        case .wrapped: "wrapped by the TPM"
        case .tpm: "in the TPM"
        case .token: "in a PKCS#11 token"
        }
    }

    /// Whether the key stays where it is when its file has been destroyed.
    public var outlivesFile: Bool { self == .tpm || self == .token }

    /// What a private key's file says about where its key is.
    /// - Throws: `KeyError` if the file is not usable.
    public static func named(in path: String) throws -> KeyLocation {
        try KeyFile.read(path, isPrivate: true) { KeyLocation($0) }
    }

    init(_ bytes: UnsafeRawBufferPointer) {
        func begins(with text: StaticString) -> Bool {
            bytes.starts(with: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        }
        self =
            if begins(with: "-----BEGIN TSS2 PRIVATE KEY-----") {
                .wrapped
            } else if begins(with: "handle:") {
                .tpm
            } else if begins(with: "pkcs11:") {
                .token
            } else {
                .file
            }
    }
}
