// Received bytes are never printed raw: a terminal or a log could take them for something else.

extension Sequence<UInt8> {
    /// Whether these are printable characters of ASCII, the space among them.
    package var isPrintableASCII: Bool { allSatisfy { (0x20...0x7E).contains($0) } }

    /// Whether these are printable characters of ASCII other than the space.
    package var isVisibleASCII: Bool { allSatisfy { (0x21...0x7E).contains($0) } }
}

/// Received bytes for one line of text: unchanged if they are printable ASCII, otherwise as hexadecimal digits after `0x`.
/// - Parameters:
///   - limit: the most bytes that are shown unchanged. If it is given, at most 64 bytes are shown as digits, and their number is added.
///   - spaces: whether spaces are shown unchanged: not in one word of a line.
package func readable(_ bytes: some Collection<UInt8>, atMost limit: Int = .max, spaces: Bool = true) -> String {
    if bytes.count <= limit, spaces ? bytes.isPrintableASCII : bytes.isVisibleASCII {
        return String(decoding: bytes, as: UTF8.self)
    }
    let more = limit != .max && bytes.count > 64
    return "0x" + hexadecimal(more ? bytes.prefix(64) : bytes[...]) + (more ? "… (\(bytes.count) bytes)" : "")
}
