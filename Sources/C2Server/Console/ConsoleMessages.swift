import SRUP

/// A request to the console.
public struct ConsoleRequest: Sendable {
    /// `GET`, `POST`.
    public var method: String
    /// The Host header.
    public var host: String?
    /// Without the query.
    public var path: String
    /// The part after the question mark.
    public var query: String
    /// The Origin header.
    public var origin: String?
    /// The Cookie headers, joined.
    public var cookies: String
    /// The Content-Type header.
    public var contentType: String?
    /// The Last-Event-ID header.
    public var lastEvent: String?
    /// The body; longer than `ConsolePolicy.maximumBody` if the sender exceeded the bound.
    public var body: [UInt8]

    /// A request; most headers are optional.
    public init(
        method: String, host: String?, path: String, query: String = "", origin: String? = nil, cookies: String = "",
        contentType: String? = nil, lastEvent: String? = nil, body: [UInt8] = []
    ) {
        (self.method, self.host, self.path, self.query) = (method, host, path, query)
        (self.origin, self.cookies, self.contentType) = (origin, cookies, contentType)
        (self.lastEvent, self.body) = (lastEvent, body)
    }
}

/// A reply of the console.
public struct ConsoleReply: Sendable {
    /// What follows the header.
    public enum Body: Sendable {
        /// The whole body.
        case bytes([UInt8])
        /// Server-sent events, until the session ends.
        case events(ConsoleEvents)
    }

    /// The HTTP status.
    public var status: Int
    /// Names in lower case.
    public var headers: [(name: String, value: String)]
    /// The body.
    public var body: Body
    /// Whether this is for a signed-in operator: such a connection is not closed in favour of unknown clients.
    public var isToOperator = false

    init(_ status: Int, _ contentType: String, _ bytes: [UInt8], _ headers: [(name: String, value: String)] = []) {
        (self.status, self.body) = (status, .bytes(bytes))
        self.headers = [("content-type", contentType)] + headers
    }

    static func page(_ status: Int, _ page: HTML, _ headers: [(name: String, value: String)] = []) -> ConsoleReply {
        ConsoleReply(status, "text/html; charset=utf-8", Array(page.text.utf8), headers)
    }

    /// A page with one message.
    static func message(
        _ status: Int, _ heading: String, _ message: String, _ headers: [(name: String, value: String)] = []
    ) -> ConsoleReply {
        page(status, ConsolePage.message(heading, message), headers)
    }

    /// A redirect after a POST.
    static func see(_ place: String, _ headers: [(name: String, value: String)] = []) -> ConsoleReply {
        ConsoleReply(303, "text/plain; charset=utf-8", [], [("location", place)] + headers)
    }

    static func svg(_ text: String, named name: String? = nil) -> ConsoleReply {
        let disposition: [(name: String, value: String)] =
            name.map { [("content-disposition", "attachment; filename=\"\($0)\"")] } ?? []
        return ConsoleReply(200, "image/svg+xml", Array(text.utf8), disposition)
    }
}

/// The console's bounds.
public enum ConsolePolicy {
    /// Bytes of a request's body; more is answered with 413. The longest form has nine short fields.
    public static let maximumBody = 4_096
    /// Seconds that one connection may last; browsers reopen the stream of events.
    public static let maximumConnection: Int64 = 600
    /// Streams of events at the same time; a page without one polls every few seconds.
    static let mostStreams = 16
    /// Seconds between keep-alives on an idle stream, by which closed connections are detected.
    public static let beat: Int64 = 10
    /// Sessions at the same time; a new one replaces the oldest.
    static let mostSessions = 8
    /// Nanoseconds, on CLOCK_BOOTTIME, after which a session ends: a working day.
    static let maximumSession = Duration.seconds(12 * 3_600)
    /// Minimum time between rendering a page and an accept. The second click of a double click, on a page that has just
    /// appeared, is earlier.
    static let minimumLook = Duration.milliseconds(1_500)
    /// Seconds before a certificate's end in which it must catch the eye: 14 days.
    static let expiresSoon: Int64 = 14 * 86_400
    /// Seconds for which a finished join keeps its place in the list.
    static let keptPlace: Int64 = 30
    /// Sign-in attempts in a minute, correct or not.
    static let triesAMinute = 10
    /// History entries on a page.
    static let entriesOnPage = 25
    /// Messages in the diagram on the page.
    static let arrowsOnPage = 40
    /// Messages in a downloaded diagram.
    static let arrowsInFile = 400
    /// Bytes of the address of an update.
    static let maximumAddress = 1_000

    /// Headers of every reply. The page loads nothing from other origins, sends nothing to them, and cannot be framed.
    public static let headers: [(name: String, value: String)] = [
        (
            "content-security-policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
                + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        ("x-content-type-options", "nosniff"), ("x-frame-options", "DENY"), ("cache-control", "no-store"),
        // With no-referrer, browsers would send `Origin: null` with the console's own forms.
        ("referrer-policy", "same-origin"), ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ]
}
