import COpenSSL
import SRUP

/// A `pkcs11:` URI (RFC 7512), split up: OpenSSL's engine gets the PIN and the module separately, so neither can appear in
/// anything that it writes.
struct TokenAddress {
    /// Token and object, without the query.
    let uri: String
    /// A file whose first line is the PIN; or the PIN itself.
    private var (pinFile, pin): (String?, String?) = (nil, nil)
    /// The module's file; nil: those that p11-kit knows.
    private var module: String?

    /// - Throws: `KeyError.badLine`, with nothing of the line in it.
    init(_ line: String, of path: String) throws {
        let parts = line.split(separator: "?", maxSplits: 1)
        uri = String(parts[0])
        // The engine accepts these on both sides of the "?".
        guard
            !uri.dropFirst("pkcs11:".count).split(separator: ";").contains(where: {
                $0.hasPrefix("pin-") || $0.hasPrefix("module-")
            })
        else { throw KeyError.badLine(path: path, why: "pin-source, pin-value and module-path must come after a ?") }
        for attribute in parts.dropFirst().first?.split(separator: "&") ?? [] {
            let pair = attribute.split(separator: "=", maxSplits: 1).map(String.init)
            guard pair.count == 2, let value = TokenAddress.decoded(pair[1]) else {
                throw KeyError.badLine(path: path, why: "an attribute after the ? has no value")
            }
            switch pair[0] {
            case "pin-value": pin = value
            case "pin-source": pinFile = value.hasPrefix("file:") ? String(value.dropFirst(5)) : value
            case "module-path": module = value
            default:
                throw KeyError.badLine(
                    path: path, why: "after the ? only pin-source, pin-value and module-path are known")
            }
        }
        // A path that is not absolute, or a command after "|", is not accepted.
        for file in [pinFile, module].compactMap({ $0 }) where !file.hasPrefix("/") {
            throw KeyError.badLine(path: path, why: "pin-source or module-path is not the whole path of a file")
        }
        // Without one, the engine would try an empty one at each start, and a token locks itself after a few.
        guard (pin?.isEmpty ?? true) != (pinFile == nil) else {
            throw KeyError.badLine(path: path, why: "it has neither pin-source nor pin-value, or both")
        }
    }

    /// The key, if the token is present and accepts the PIN.
    /// - Throws: `KeyError`.
    func key(of path: String) throws -> OpaquePointer {
        var isThere: Int32 = 0
        let key: OpaquePointer? =
            if let pinFile {
                try TokenAddress.withPIN(in: pinFile, of: path) { cossl_token_key(module, uri, $0, &isThere) }
            } else {
                cossl_token_key(module, uri, pin, &isThere)
            }
        if let key { return key }
        let why = opensslReason(first: true)
        guard isThere != 0 else { throw KeyError.noWay(path: path, home: .token, why: why) }
        throw switch Int(cossl_token_fault()) {
        case COSSL_TOKEN_PIN: KeyError.pinRefused(path: path, why: why)
        case COSSL_TOKEN_NOT_FOUND: KeyError.notInToken(path: path)
        default: KeyError.refused(path: path, home: .token, why: why)
        }
    }

    private static func withPIN<Result>(
        in file: String, of path: String, _ body: (UnsafePointer<CChar>) -> Result
    ) throws -> Result {
        do {
            return try KeyFile.read(file, isPrivate: true) { bytes in
                let count = bytes.prefix { $0 != 0x0A && $0 != 0x0D && $0 != 0 }.count
                guard count > 0 else { throw KeyError.emptyPIN(path: file) }
                var line = [CChar](repeating: 0, count: count + 1)
                for index in 0..<count { line[index] = CChar(bitPattern: bytes[index]) }
                defer { line.withUnsafeMutableBytes { wipe($0) } }
                return body(line)
            }
        } catch let fault as KeyError {
            throw KeyError.pinFile(fault, of: path)
        }
    }

    /// Without the percent signs of RFC 3986.
    private static func decoded(_ text: String) -> String? {
        var bytes: [UInt8] = []
        var left = Array(text.utf8)[...]
        while let byte = left.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard left.count >= 2, let value = UInt8(String(decoding: left.prefix(2), as: UTF8.self), radix: 16),
                value != 0
            else { return nil }
            bytes.append(value)
            left = left.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
