import SRUP

/// Received prose for one line: at most 200 characters, with a dot for each byte that is not printable ASCII.
package func printable(_ bytes: some Sequence<UInt8>) -> String {
    let shown = bytes.prefix(201).map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: ".") }
    return String(decoding: shown.prefix(200), as: UTF8.self) + (shown.count > 200 ? "..." : "")
}

/// A web address without what may be a secret in it: the query (a presigned URL has its signature there), the fragment, and a user's name
/// and password.
package func withoutSecrets(address: String) -> String {
    let shown = address.prefix { $0 != "?" && $0 != "#" }
    let cut = shown.endIndex == address.endIndex ? "" : "?..."
    guard let slashes = shown.firstRange(of: "//") else { return shown + cut }
    let authority = shown[slashes.upperBound...].prefix { $0 != "/" }
    guard let at = authority.lastIndex(of: "@") else { return shown + cut }
    return shown[..<slashes.upperBound] + "...@" + shown[shown.index(after: at)...] + cut
}

extension String {
    /// Whether the text has a length in a range, in bytes, and consists of printable ASCII characters.
    /// - Parameter spaces: whether there may be spaces among them.
    package func isPrintable(_ lengths: ClosedRange<Int>, spaces: Bool) -> Bool {
        lengths.contains(utf8.count) && (spaces ? utf8.isPrintableASCII : utf8.isVisibleASCII)
    }
}
