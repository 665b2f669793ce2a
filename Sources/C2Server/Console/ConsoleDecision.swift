import HumanView
import Keys
import SRUP

/// What an operator compares with what the device shows, without what must be read there.
public struct ConsoleComparison: Equatable, Sendable {
    /// In which view.
    public var view: HumanView
    /// The words in their order, nil where one is hidden; empty in other views.
    public var words: [String?]
    /// The picture of another view.
    public var picture: Picture?
    /// Whether this join may still be accepted: after too many wrong words it can only be refused.
    public var mayAccept: Bool

    /// The places of the hidden words, from 0 on.
    var hidden: [Int] { words.indices.filter { words[$0] == nil } }
}

/// What an operator decides.
public enum ConsoleDecision: Equatable, Sendable {
    /// The device shows the same in this view; of words, those that were hidden, as they were typed.
    case accept(HumanView, words: [String])
    /// It does not, or it is not wanted.
    case refuse
}

/// What became of a decision.
public enum ConsoleOutcome: Equatable, Sendable {
    /// As it was wanted.
    case decided
    /// That very join is not open any more.
    case over
    /// The words are not those of the value: nothing was done.
    case differ(triesLeft: Int)
    /// It could not be kept, and so it was not done.
    case notKept
}

/// A value that waits for a person, and which words of it the person must type.
///
/// The same words are hidden on every page of a join: otherwise a second look at the page would show what the first one hid.
struct C2Shown: Sendable {
    /// 36 bits: nobody guesses them, and a person who has not looked at the device does not know them.
    static let mostHidden = 3
    /// The eleventh word has eight bits only.
    private static let places = 0..<10

    let value: Secret
    /// In growing order.
    let hidden: [Int]
    var triesLeft = 5

    init(_ value: Secret, hidden: [Int]? = nil) {
        self.value = value
        self.hidden = (hidden ?? Array(C2Shown.places.shuffled().prefix(C2Shown.mostHidden))).sorted()
    }

    var mayAccept: Bool { triesLeft > 0 }

    private var words: [String] {
        HumanView.words.picture(of: value).spoken.split(separator: " ").map(String.init)
    }

    func comparison(as view: HumanView) -> ConsoleComparison {
        guard view == .words else {
            return ConsoleComparison(view: view, words: [], picture: view.picture(of: value), mayAccept: mayAccept)
        }
        let words = words.enumerated().map { hidden.contains($0.offset) ? nil : $0.element }
        return ConsoleComparison(view: view, words: words, picture: nil, mayAccept: mayAccept)
    }

    /// Whether these are the hidden words, in their order and in letters of either case.
    func isAnswered(by typed: [String]) -> Bool {
        let words = words
        return typed.map { $0.lowercased().filter { !$0.isWhitespace } } == hidden.map { words[$0] }
    }
}

/// The numbers of the forms that decide on joins. Each form has one of its own, which says when it was rendered, for which join
/// and view and session, and can be used once. As a value; nothing is kept for a form that is not sent.
struct ConsoleFormNumbers: Sendable {
    /// What a form is for.
    struct Purpose {
        let join: String
        let view: HumanView
        let session: String
    }

    /// What a number is.
    enum Taken: Equatable {
        /// It was not used before; the form was rendered so many nanoseconds ago.
        case fresh(age: Int64)
        case used
        /// Not a number of such a form.
        case wrong
    }

    /// Used numbers that are remembered; the oldest are forgotten. Each join takes a few wrong tries, so this is for long.
    private static let mostUsed = 1_024

    private let key = Secret.random()
    private var used: [String] = []

    /// A new number.
    func number(_ purpose: Purpose, at now: Int64) -> String {
        let text = "\(now)-\(hexadecimal(randomBytes(8)))"
        return "\(text)-\(seal(text, purpose))"
    }

    /// Uses a number up.
    mutating func take(_ number: String, _ purpose: Purpose, at now: Int64) -> Taken {
        let parts = number.split(separator: "-", omittingEmptySubsequences: false)
        guard number.utf8.count <= 128, parts.count == 3, let then = Int64(parts[0]),
            equalInConstantTime(Array(parts[2].utf8), Array(seal("\(parts[0])-\(parts[1])", purpose).utf8))
        else { return .wrong }
        guard !used.contains(number) else { return .used }
        used = used.suffix(ConsoleFormNumbers.mostUsed - 1) + [number]
        return .fresh(age: now - then)
    }

    private func seal(_ text: String, _ purpose: Purpose) -> String {
        let words = [text, purpose.join, purpose.view.rawValue, purpose.session].joined(separator: "\n")
        return hexadecimal(hmacSHA256(key, Array(words.utf8)).prefix(16))
    }
}
