import SRUP

/// A request to the console, as it came.
public struct ConsoleRequest: Sendable {
    /// `GET`, `POST`.
    public var method: String
    /// The Host header.
    public var host: String?
    /// Without the query.
    public var path: String
    /// Behind the question mark.
    public var query: String
    /// The Origin header.
    public var origin: String?
    /// The Cookie headers, joined.
    public var cookies: String
    /// The Content-Type header.
    public var contentType: String?
    /// The Last-Event-ID header.
    public var lastEvent: String?
    /// The body; longer than `ConsolePolicy.maximumBody` where the sender wanted too much.
    public var body: [UInt8]

    /// A request of these parts.
    public init(
        method: String, host: String?, path: String, query: String = "", origin: String? = nil, cookies: String = "",
        contentType: String? = nil, lastEvent: String? = nil, body: [UInt8] = []
    ) {
        (self.method, self.host, self.path, self.query) = (method, host, path, query)
        (self.origin, self.cookies, self.contentType) = (origin, cookies, contentType)
        (self.lastEvent, self.body) = (lastEvent, body)
    }
}

/// What the console answers.
public struct ConsoleReply: Sendable {
    /// What comes after the head.
    public enum Body: Sendable {
        /// All of it.
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
    /// Whether this answers a person who has signed in: strangers cannot take that connection's place.
    public var isToOperator = false

    init(_ status: Int, _ contentType: String, _ bytes: [UInt8], _ headers: [(name: String, value: String)] = []) {
        (self.status, self.body) = (status, .bytes(bytes))
        self.headers = [("content-type", contentType)] + headers
    }

    static func page(_ status: Int, _ page: HTML, _ headers: [(name: String, value: String)] = []) -> ConsoleReply {
        ConsoleReply(status, "text/html; charset=utf-8", Array(page.text.utf8), headers)
    }

    /// A sentence, in the page's form.
    static func sentence(
        _ status: Int, _ heading: String, _ message: String, _ headers: [(name: String, value: String)] = []
    ) -> ConsoleReply {
        page(status, ConsolePage.sentence(heading, message), headers)
    }

    /// After a POST: look there.
    static func see(_ place: String, _ headers: [(name: String, value: String)] = []) -> ConsoleReply {
        ConsoleReply(303, "text/plain; charset=utf-8", [], [("location", place)] + headers)
    }

    static func svg(_ text: String, named name: String? = nil) -> ConsoleReply {
        let disposition: [(name: String, value: String)] =
            name.map { [("content-disposition", "attachment; filename=\"\($0)\"")] } ?? []
        return ConsoleReply(200, "image/svg+xml", Array(text.utf8), disposition)
    }
}

/// The console's own numbers.
public enum ConsolePolicy {
    /// Bytes of a request's body; more is answered with 413. The longest form has nine short fields.
    public static let maximumBody = 4_096
    /// Seconds that one connection may last; a browser opens its stream of events anew.
    public static let maximumConnection: Int64 = 600
    /// Streams of events at a time; a page that gets none asks every few seconds.
    static let mostStreams = 16
    /// Seconds between signs of life on a stream that has nothing to tell: so we see who has gone.
    public static let beat: Int64 = 10
    /// Sessions at a time; the oldest makes room.
    static let mostSessions = 8
    /// Nanoseconds, on CLOCK_BOOTTIME, after which a session ends: a working day.
    static let maximumSession: Int64 = 12 * 3_600 * 1_000_000_000
    /// Nanoseconds between rendering a page and an accept that counts. The second click of a double click, on a page that has
    /// come meanwhile, is earlier.
    static let shortestLook: Int64 = 1_500_000_000
    /// Seconds for which a join that is over keeps its place.
    static let keptPlace: Int64 = 30
    /// Tries to sign in a minute, right or wrong.
    static let triesAMinute = 10
    /// History entries on a page.
    static let entriesOnPage = 25
    /// Messages in the drawing on the page.
    static let arrowsOnPage = 40
    /// Messages in a drawing that is downloaded.
    static let arrowsInFile = 400
    /// Bytes of the address of an update.
    static let maximumAddress = 1_000

    /// On every answer. The page takes nothing from elsewhere, sends nothing elsewhere, and stands in nobody's frame.
    public static let headers: [(name: String, value: String)] = [
        (
            "content-security-policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
                + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        ("x-content-type-options", "nosniff"), ("x-frame-options", "DENY"), ("cache-control", "no-store"),
        // With no-referrer, browsers would send `Origin: null` with our own forms.
        ("referrer-policy", "same-origin"), ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ]
}
