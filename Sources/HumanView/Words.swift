import SRUP

/// The 4096 words: `Scripts/words.py` documents where they come from and how they were chosen.
///
/// They are stored as one constant text and split each time: a value is shown seldom, and a beacon that shows
/// none has no array of them in memory.
enum WordList {
    /// 2¹²: a word is twelve bits.
    static let count = 4096
    /// Ten times twelve bits, and one word for the last eight.
    static let wordsOfValue = 11

    /// Calls `body` with the words in their order, as bytes of ASCII.
    static func withWords<Result>(_ body: ([Slice<UnsafeBufferPointer<UInt8>>]) -> Result) -> Result {
        text.withUTF8Buffer { body($0.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }) }
    }

    /// The words for 16 bytes: 128 bits and then four zeros, twelve bits a word, the most significant first.
    ///
    /// The paper requires four fixed bits and does not say where. At the end, the last word is one of every sixteenth of
    /// the list; before the last eight bits, it would be one of the first 256, which all begin with a.
    static func words(for bytes: UnsafeRawBufferPointer) -> [String] {
        withWords { list in
            (0..<wordsOfValue).map { word in
                let (byte, isOdd) = (word * 12 / 8, word % 2 == 1)
                let (first, second) = (Int(bytes[byte]), byte + 1 < bytes.count ? Int(bytes[byte + 1]) : 0)
                return String(
                    decoding: list[isOdd ? (first & 15) << 8 | second : first << 4 | second >> 4], as: UTF8.self)
            }
        }
    }

    /// The value of eleven words in this order, in letters of either case; nil if one is not in the list
    /// or the four fixed bits are not zeros. For tests and tools: people compare words, they do not type them.
    static func value(of words: some Collection<some StringProtocol>) -> Secret? {
        guard words.count == wordsOfValue else { return nil }
        let places = withWords { list in
            words.compactMap { word in
                let letters = Array(word.lowercased().utf8)
                return list.firstIndex { $0.elementsEqual(letters) }
            }
        }
        guard places.count == wordsOfValue else { return nil }
        let bits = places.flatMap { place in (0..<12).map { UInt8(place >> (11 - $0) & 1) } }
        guard !bits[128...].contains(1) else { return nil }
        return Secret((0..<Secret.length).map { byte in bits[byte * 8..<byte * 8 + 8].reduce(0) { $0 << 1 | $1 } })
    }
}

extension HumanView {
    /// The value of eleven words, in letters of either case, with white space between them; nil if they
    /// are not such words.
    public static func value(ofWords words: String) -> Secret? {
        WordList.value(of: words.split { $0.isWhitespace })
    }
}
