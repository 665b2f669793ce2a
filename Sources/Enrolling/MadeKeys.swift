import Keys
import OperatorText
import SRUP

/// Where a new identity key comes from.
public enum KeyOrigin: Equatable, Sendable {
    /// Made here, and kept in its file.
    case made
    /// Made by this machine's TPM, which alone can use the file's contents.
    case tpm
    /// An operator's key file: the key itself, or the line that names one in hardware.
    case given(file: String)

    /// As a person writes it: `tpm`, or the path of a key file; nil: a new one is made.
    public init(_ text: String?) {
        switch text {
        case nil: self = .made
        case "tpm": self = .tpm
        case let file?: self = .given(file: file)
        }
    }
}

extension CredentialFolder {
    /// The existing private key, or a new one.
    func privateKey(
        _ file: String, bits: Int, from origin: KeyOrigin = .made
    ) throws -> IdentityKey {
        if !exists(file) {
            switch origin {
            case .made: try IdentityKey.make(bits: bits).write(pemFile: file)
            case .tpm: try IdentityKey.makeInTPM(bits: bits).write(pemFile: file)
            case .given(let own): try IdentityKey.copyFile(own, to: file)
            }
        }
        let key = try IdentityKey(pemFile: file)
        try CredentialFolder.check(key, in: file, isFrom: origin)
        return key
    }

    /// An existing key must be what is asked for now: nobody must believe that a key is in hardware when it is not.
    private static func check(
        _ key: IdentityKey, in file: String, isFrom origin: KeyOrigin
    ) throws {
        let isIt =
            switch origin {
            case .made: true
            case .tpm: key.home == .wrapped
            case .given(let own): try IdentityKey(pemFile: own).publicKey.equals(key.publicKey)
            }
        guard isIt else {
            throw OperatorFault(
                "\(file) is there already, and is not the key that --key asks for (it is \(key.home))",
                hint: "leave --key out to continue with it; start a new enrolment with --replace")
        }
    }

    /// The certificate in use.
    func usedCertificate() throws(OperatorFault) -> Certificate {
        let path = access.certificate
        guard let bytes = try read(path), let certificate = try? Certificate(pem: bytes) else {
            throw OperatorFault(
                "\(path) is not a certificate", hint: "get a new one: renew it, or enrol again with --replace")
        }
        return certificate
    }
}
