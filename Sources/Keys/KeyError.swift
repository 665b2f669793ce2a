import OperatorText

/// What is wrong with a key file, and what to do: for the operator to fix.
public enum KeyError: OperatorError, Equatable {
    /// No such file.
    case missing(path: String)
    /// The system would not let us read it; its error text.
    case unreadable(path: String, why: String)
    /// A directory, a link, a device: anything but a regular file.
    case notAFile(path: String)
    /// Group or others may read or write a private key; its permission bits.
    case exposed(path: String, mode: UInt32)
    /// A private key that belongs to another user.
    case foreignOwner(path: String, owner: UInt32)
    /// Longer than any key file.
    case tooLong(path: String)
    /// Not a PEM key, or a truncated one.
    case notAKey(path: String)
    /// A file of another kind than the one that is wanted: a public key instead of a private one, and so on.
    case otherContent(path: String, found: KeyContent, wantsPrivate: Bool)
    /// A key of another kind than RSA.
    case notRSA(path: String)
    /// An RSA key of fewer than 2,048 bits (or more than 16,384, which no frame can carry).
    case wrongSize(path: String, bits: Int)
    /// An RSA key whose public exponent is even, 1, or longer than 64 bits.
    case wrongExponent(path: String)
    /// OpenSSL has no provider or engine for the hardware that the file names; its error text.
    case noWay(path: String, home: KeyLocation, why: String)
    /// The hardware, or its driver, does not give us the key; OpenSSL's error text.
    case refused(path: String, home: KeyLocation, why: String)
    /// No token within reach has the key that the file names, or two have its label: libp11 does not say which. A token that is plugged
    /// in a moment later is one of these.
    case notInToken(path: String)
    /// The token has refused the PIN: it is wrong, has expired, or is locked; OpenSSL's error text.
    case pinRefused(path: String, why: String)
    /// The file of a token's PIN, which the key file at this path names, cannot be used.
    indirect case pinFile(KeyError, of: String)
    /// A file of a PIN that begins with an empty line.
    case emptyPIN(path: String)
    /// The key is not this TPM's: another TPM has made it, or this one has been cleared since; OpenSSL's error text.
    case notThisTPM(path: String, home: KeyLocation, why: String)
    /// The hardware permits only one of the two uses of an identity key, or neither.
    case uselessHardwareKey(path: String, signs: Bool, opens: Bool)
    /// A line that should name a key in hardware, and is not valid.
    case badLine(path: String, why: String)

    /// What is wrong: one line, lower case.
    public var message: String {
        message(of: "the key file", "the private key")
    }

    /// - Parameters:
    ///   - file: what the file is.
    ///   - secret: what it is that nobody else may read.
    private func message(of file: String, _ secret: String) -> String {
        switch self {
        case .missing(let path): "\(file) \(path) does not exist"
        case .unreadable(let path, let why): "\(file) \(path) cannot be read: \(why)"
        case .notAFile(let path): "\(path) is not a regular file"
        case .exposed(let path, let mode):
            "\(secret) \(path) is open to others (mode 0\(String(mode, radix: 8)), wanted 0600)"
        case .foreignOwner(let path, let owner): "\(secret) \(path) belongs to user \(owner), not to us"
        case .tooLong(let path): "\(path) is too long for \(file)"
        case .pinFile(let fault, let path): "\(fault.message(of: "the PIN file", "the PIN file")); \(path) names it"
        case .emptyPIN(let path): "the PIN file \(path) does not begin with a PIN"
        case .notAKey(let path): "\(path) holds no usable PEM key (cut short, or something else)"
        case .otherContent(let path, let found, let wantsPrivate):
            "\(path) holds \(found.words), and a \(wantsPrivate ? "private key without a passphrase" : "public key") is wanted"
        case .notRSA(let path): "the key in \(path) is not an RSA key"
        case .wrongSize(let path, let bits): "the RSA key in \(path) has \(bits) bits, wanted 2048 to 16384"
        case .wrongExponent(let path):
            "the RSA key in \(path) has a public exponent that is not an odd number from 3 to 2^64"
        case .noWay(let path, let home, let why): "OpenSSL cannot reach the key of \(path) \(home): \(why)"
        case .refused(let path, let home, let why): "the key of \(path) \(home) could not be loaded: \(why)"
        case .notInToken(let path):
            "the key of \(path) in a PKCS#11 token was not found: no token has it, or two tokens have the label that it names"
        case .pinRefused(let path, let why): "the token with the key of \(path) does not accept the PIN: \(why)"
        case .notThisTPM(let path, let home, let why): "the key of \(path) \(home) is not a key of this TPM: \(why)"
        case .uselessHardwareKey(let path, let signs, let opens):
            "the key that \(path) names \(signs ? "signs" : "does not sign") and \(opens ? "decrypts" : "does not decrypt")"
        case .badLine(let path, let why): "the line in \(path) does not name a key: \(why)"
        }
    }

    /// Whether an automatic retry could do harm: a token counts wrong PINs, and locks itself. A token that is not there is worth one.
    public var isNotToBeRepeated: Bool {
        if case .pinRefused = self { return true }
        return false
    }

    /// What to do about it, as an imperative.
    public func hint(for names: SettingNames) -> String {
        switch self {
        case .missing(let path):
            "put the key at \(path), or correct the path \(names.keyPaths); none is made for you"
        case .unreadable(let path, _): "let the beacon's user read it: chown USER \(path) && chmod 0600 \(path)"
        case .notAFile(let path): "put the key itself at \(path), not a link or a folder"
        case .exposed(let path, _): "close it: chmod 0600 \(path)"
        case .foreignOwner(let path, _): "give it to the user that runs the beacon: chown USER \(path)"
        case .otherContent(let path, .encryptedKey, wantsPrivate: true):
            "take the passphrase off, in a file for its owner only: umask 077; openssl pkey -in \(path) -out FILE"
        case .otherContent(let path, .privateKey, _), .otherContent(let path, .encryptedKey, _):
            "give the public half, and keep this one secret: openssl pkey -in \(path) -pubout"
        case .otherContent(let path, .certificate, wantsPrivate: false):
            "take the public key out of it: openssl x509 -in \(path) -noout -pubkey"
        case .otherContent(_, .publicKey, _), .otherContent(_, .certificate, _):
            "give the file of the private key: its first line says PRIVATE KEY"
        case .tooLong, .notAKey, .notRSA: "give a PEM file with one unencrypted RSA key, PKCS#1 or PKCS#8"
        case .wrongSize: "make a key of 2048 bits or more: openssl genrsa -out FILE 3072"
        case .wrongExponent: "make a key with the usual exponent, 65537: openssl genrsa -out FILE 3072"
        case .noWay(_, .token, _): "install OpenSSL's engine for PKCS#11: apt install libengine-pkcs11-openssl"
        case .noWay:
            "install OpenSSL's provider for TPMs (apt install tpm2-openssl), and let our user use /dev/tpmrm0 (group tss)"
        case .refused(_, .token, _): "check that the token answers: p11tool --list-tokens"
        case .notInToken:
            "see whether the token is plugged in, and whether one only has this label: p11tool --list-tokens; of two, name one with serial=… in the line"
        case .pinRefused:
            "correct the PIN before the token's tries are used up, then start the beacon; whether the PIN is locked: p11tool --list-tokens"
        case .pinFile(.missing(let path), _):
            "write the token's PIN to \(path), with mode 0600; or correct its pin-source"
        case .pinFile(.tooLong(let path), _), .pinFile(.notAFile(let path), _), .emptyPIN(let path):
            "write the token's PIN as the first line of a file: \(path)"
        case .pinFile(let fault, _): fault.hint(for: names)
        case .notThisTPM:
            "a TPM that was cleared has lost its keys, and another machine's is never in it: give this machine a new key, docs/operations.md, \"Replacing a machine\""
        case .refused:
            "check that it is this machine's TPM, and that our user may use it (group tss): docs/operations.md tells how"
        case .uselessHardwareKey: "make one for both: RSA, 2048 bits or more, with the uses sign and decrypt"
        case .badLine: "write one line: pkcs11:token=…;object=…;type=private?pin-source=/FILE, or handle:0x81……"
        }
    }
}
