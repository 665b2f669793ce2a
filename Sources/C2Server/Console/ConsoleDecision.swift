import BootTime
import HumanView
import Keys
import SRUP

/// What an operator compares with the device's screen, without the words that must be read there.
public struct ConsoleComparison: Equatable, Sendable {
    /// The view.
    public var view: HumanView
    /// The words in order, nil for a hidden one; empty in other views.
    public var words: [String?]
    /// The picture, in other views than words.
    public var picture: Picture?
    /// Whether this join may still be accepted: after too many wrong attempts it can only be refused.
    public var mayAccept: Bool

    /// The places of the hidden words, from 0 on.
    var hidden: [Int] { words.indices.filter { words[$0] == nil } }
}

/// An operator's decision.
public enum ConsoleDecision: Equatable, Sendable {
    /// The device shows the same in this view; with the hidden words as typed.
    case accept(HumanView, words: [String])
    /// It shows something else, or must not join.
    case refuse
}

/// The outcome of a decision.
public enum ConsoleOutcome: Equatable, Sendable {
    /// The join was decided accordingly.
    case decided
    /// That join is no longer open.
    case over
    /// The words do not match the value: nothing was done.
    case differ(triesLeft: Int)
    /// The decision could not be stored, and was not carried out.
    case notKept
}

/// A value that waits for a person's decision, and the words that the person must type.
///
/// The same words are hidden on every page of a join: otherwise reloading the page would show what was hidden before.
struct C2Shown: Sendable {
    /// 36 bits: they cannot be guessed, and a person who has not looked at the device does not know them.
    static let mostHidden = 3
    /// The eleventh word has only eight bits.
    private static let places = 0..<10

    let value: Secret
    /// In ascending order.
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

    /// Whether these are the hidden words, in order, in upper or lower case.
    func isAnswered(by typed: [String]) -> Bool {
        let words = words
        return typed.map { $0.lowercased().filter { !$0.isWhitespace } } == hidden.map { words[$0] }
    }
}

/// The numbers of the forms that decide on joins. Each form has a unique number that records when it was rendered, and for which join,
/// view and session, and that can be used once. Nothing is stored for a form that is not sent.
struct ConsoleFormNumbers: Sendable {
    /// The purpose of a form.
    struct Purpose {
        let join: String
        let view: HumanView
        let session: String
    }

    /// The result of using a number.
    enum Taken: Equatable {
        /// It was not used before; the age of the form.
        case fresh(age: Duration)
        case used
        /// Not a number of such a form.
        case wrong
    }

    /// Bound on the used numbers that are remembered; the oldest are forgotten. A join takes a few numbers at most.
    private static let mostUsed = 1_024

    private let key = Secret.random()
    private var used: [String] = []

    /// A new number.
    func number(_ purpose: Purpose, at now: Instant) -> String {
        let text = "\(now.nanoseconds)-\(hexadecimal(randomBytes(8)))"
        return "\(text)-\(seal(text, purpose))"
    }

    /// Uses a number.
    mutating func take(_ number: String, _ purpose: Purpose, at now: Instant) -> Taken {
        let parts = number.split(separator: "-", omittingEmptySubsequences: false)
        guard number.utf8.count <= 128, parts.count == 3, let then = Int64(parts[0]),
            equalInConstantTime(Array(parts[2].utf8), Array(seal("\(parts[0])-\(parts[1])", purpose).utf8))
        else { return .wrong }
        guard !used.contains(number) else { return .used }
        used = used.suffix(ConsoleFormNumbers.mostUsed - 1) + [number]
        return .fresh(age: now - Instant(nanoseconds: then))
    }

    private func seal(_ text: String, _ purpose: Purpose) -> String {
        let words = [text, purpose.join, purpose.view.rawValue, purpose.session].joined(separator: "\n")
        return hexadecimal(hmacSHA256(key, Array(words.utf8)).prefix(16))
    }
}
