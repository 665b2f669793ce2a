import Bench
import BootTime
import Keys
import SRUP

/// The console's sessions, as a value: the time is an argument.
///
/// A key can be used once. Then there is a new one, which is printed like the first, so a link that is found later in a history or in a
/// log is of no use.
struct ConsoleSessions: Sendable {
    /// One browser.
    struct Session: Sendable {
        /// The content of the cookie.
        let token: String
        /// The token in each form.
        let formToken: String
        /// On CLOCK_BOOTTIME.
        let ends: Instant
        /// The messages after each order, the newest last.
        var said: [Said] = []
    }

    /// Messages after an order.
    struct Said: Sendable {
        let number: Int
        let messages: [String]
    }

    /// The result of a sign-in attempt.
    enum Try: Equatable {
        /// Signed in, by the cookie with this token.
        case session(String)
        case wrongKey
        case tooMany(seconds: Int)
    }

    /// 128 random bits, in hexadecimal digits.
    private(set) var key: String
    /// Number of wrong keys so far.
    private(set) var wrongKeys = 0
    private var sessions: [Session] = []
    private var rate: RateLimit
    private var said = 0
    private let random: @Sendable () -> String

    init(at now: Instant, random: @escaping @Sendable () -> String = { hexadecimal(randomBytes(16)) }) {
        self.random = random
        key = random()
        rate = RateLimit(each: ConsolePolicy.triesAMinute, all: ConsolePolicy.triesAMinute, at: now)
    }

    mutating func signIn(_ given: String, at now: Instant) -> Try {
        // All users of this machine have the same address, so they share one bucket.
        if case .refuse(let seconds, _) = rate.take("", at: now) { return .tooMany(seconds: seconds) }
        let letters = given.lowercased().utf8.filter { $0 > 0x20 }
        guard equalInConstantTime(letters, Array(key.utf8)) else {
            wrongKeys += 1
            return .wrongKey
        }
        key = random()
        forget(at: now)
        if sessions.count >= ConsolePolicy.mostSessions { sessions.removeFirst() }
        let session = Session(token: random(), formToken: random(), ends: now + ConsolePolicy.maximumSession)
        sessions.append(session)
        return .session(session.token)
    }

    /// The session of a cookie; nil if there is none, or if it has ended.
    mutating func session(_ token: String?, at now: Instant) -> Session? {
        forget(at: now)
        return place(token).map { sessions[$0] }
    }

    mutating func signOut(_ token: String) {
        if let place = place(token) { sessions.remove(at: place) }
    }

    /// Stores messages for the operator.
    /// - Returns: their number.
    mutating func keep(_ messages: [String], for token: String) -> Int {
        said += 1
        guard let place = place(token) else { return said }
        sessions[place].said = sessions[place].said.suffix(7) + [Said(number: said, messages: messages)]
        return said
    }

    private mutating func forget(at now: Instant) { sessions.removeAll { $0.ends <= now } }

    /// Compares all tokens, each in constant time.
    private func place(_ token: String?) -> Int? {
        guard let given = token.map({ Array($0.utf8) }) else { return nil }
        var found: Int?
        for (index, session) in sessions.enumerated() where equalInConstantTime(given, Array(session.token.utf8)) {
            found = index
        }
        return found
    }
}
