import Observing
import SRUP

/// The line by which the child tells the daemon.
extension Fetched {
    private static let mark = "fetched: "

    package var line: String {
        switch self {
        case .verified(let version): Fetched.mark + "verified \(version)"
        case .httpError(let status, let contents): Fetched.mark + "http \(status) \(hexadecimal(contents))"
        case .noServer: Fetched.mark + "no-server"
        case .noFile: Fetched.mark + "no-file"
        case .otherDigest: Fetched.mark + "other-digest"
        }
    }

    /// nil for any other line.
    init?(line: String) {
        guard line.hasPrefix(Fetched.mark) else { return nil }
        let words = line.dropFirst(Fetched.mark.count).split(separator: " ", omittingEmptySubsequences: false)
        switch (words.first, words.count) {
        case ("verified", 2): self = .verified(version: String(words[1]))
        case ("http", 3):
            guard let status = UInt32(words[1]), let contents = bytes(hexadecimal: words[2].utf8) else { return nil }
            self = .httpError(status: status, contents: contents)
        case ("no-server", 1): self = .noServer
        case ("no-file", 1): self = .noFile
        case ("other-digest", 1): self = .otherDigest
        default: return nil
        }
    }
}
