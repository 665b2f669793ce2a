import COpenSSL
import SRUP
import TestVectors
import Testing

@testable import HumanView

@Suite("The word list")
struct WordTests {
    private static let list = WordList.withWords { $0.map { String(decoding: $0, as: UTF8.self) } }

    /// If this fails, the words of every value have changed: that needs a new view.
    @Test("the list is the one that both ends are pinned to")
    func pinned() {
        #expect(WordTests.list.count == 4096)
        #expect(
            sha256(WordTests.list.joined(separator: "\n"))
                == "ea81d981a94dafb794f98451c218fcf8e31c63373ab6c094fc4254047ca100e3")
    }

    @Test("the list is sorted, has no word twice, and no word begins with another")
    func sorted() {
        for (word, next) in zip(WordTests.list, WordTests.list.dropFirst()) {
            #expect(word < next && !next.hasPrefix(word), "\(word), \(next)")
        }
    }

    @Test("each word has 4 to 9 letters from a to z")
    func letters() {
        for word in WordTests.list {
            #expect((4...9).contains(word.utf8.count) && word.utf8.allSatisfy { (0x61...0x7A).contains($0) }, "\(word)")
        }
    }

    @Test("inserting, deleting or changing one letter never turns one word of the list into another")
    func spelling() {
        var others: [String: String] = [:]
        for word in WordTests.list {
            for place in word.indices {
                let rest = String(word[..<place] + word[word.index(after: place)...])
                if WordTests.words.contains(rest) { Issue.record("\(rest), \(word)") }
                // Words that differ only in this letter are equal without it.
                let key = "\(word.distance(from: word.startIndex, to: place)) \(rest)"
                if let rival = others.updateValue(word, forKey: key) { Issue.record("\(rival), \(word)") }
            }
        }
    }

    private static let words = Set(list)

    @Test("no two words have the same consonants, as far as the spelling shows")
    func sounds() {
        var heard: [Substring: String] = [:]
        for (word, skeleton) in zip(WordTests.list, skeletons(WordTests.list)) {
            if let rival = heard.updateValue(word, forKey: skeleton) { Issue.record("\(rival), \(word)") }
        }
        #expect(skeletons(["absolute", "obsolete", "kneel", "nail"]) == ["absalat", "absalat", "nal", "nal"])
    }

    @Test("words are twelve bits each, the most significant first, and the last word ends with four zeros")
    func layout() throws {
        func words(_ bytes: [UInt8]) -> [Int?] {
            bytes.withUnsafeBytes { WordList.words(for: $0) }.map { WordTests.list.firstIndex(of: $0) }
        }
        #expect(
            words(figure) == [0xC4B, 0xF81, 0x058, 0x351, 0x41E, 0x088, 0x6FD, 0x25F, 0x9A6, 0x9C5, 0xAD0])
        #expect(words([UInt8](repeating: 0, count: 16)) == [Int](repeating: 0, count: 11))
        #expect(words([UInt8](repeating: 255, count: 16)) == [Int](repeating: 4095, count: 10) + [4080])
    }

    @Test("the words of a value, in letters of either case, are that value again")
    func back() throws {
        var random = Seeded(11)
        for _ in 0..<20 {
            let value = try #require(Secret(random.bytes(16)))
            let phrase = try lines(HumanView.words.picture(of: value)).joined(separator: "\n")
            #expect(HumanView.value(ofWords: phrase) == value)
            #expect(HumanView.value(ofWords: phrase.uppercased()) == value)
        }
    }

    @Test("words that are not a value are refused: too few, too many, unknown, or with other fixed bits")
    func notAValue() throws {
        let phrase = try lines(picture(.words)).joined(separator: " ").split(separator: " ").map(String.init)
        func value(_ words: some Sequence<String>) -> Secret? {
            HumanView.value(ofWords: words.joined(separator: " "))
        }
        #expect(value(phrase) == Secret(figure))
        #expect(value(phrase.dropLast()) == nil)
        #expect(value(phrase + [phrase[0]]) == nil)
        #expect(value(phrase.dropLast() + ["unheard-of"]) == nil)
        #expect(value(phrase.dropLast() + [WordTests.list[0xAD1]]) == nil)
        #expect(value([]) == nil)
    }
}

/// The sounds of words as spelled, each run of vowels as one sound: `Scripts/words.py` has the same rules.
private func skeletons(_ words: [String]) -> [Substring] {
    let plain: [(Regex<Substring>, String)] = [
        (/^[kg]n/, "n"), (/^wr/, "r"), (/^ps/, "s"), (/wh/, "w"), (/ph/, "f"), (/ght/, "t"), (/tch/, "C"), (/ch/, "C"),
        (/sh/, "S"), (/dge/, "j"), (/ck/, "k"), (/sc(?=[eiy])/, "s"), (/c(?=[eiy])/, "s"), (/[cq]/, "k"), (/x/, "ks"),
        (/z/, "s"), (/mb$/, "m"), (/[ts]ion/, "Son"), (/e$/, ""), (/[aeiouy]+/, "a"),
    ]
    // All of them at once, one per line, is a hundred times as fast.
    let single = words.joined(separator: "\n").replacing(/(.)\1/) { $0.output.1 }
    return plain.reduce(single) { $0.replacing($1.0.anchorsMatchLineEndings(), with: $1.1) }.split(separator: "\n")
}

/// The digest of a text, in hexadecimal digits.
private func sha256(_ text: String) -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    SHA256(Array(text.utf8), text.utf8.count, &digest)
    return hexadecimal(digest)
}
