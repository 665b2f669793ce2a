import CCurl
import Glibc

/// A complete reply, within the limits.
public struct HTTPReply: Equatable, Sendable {
    /// The status of the reply.
    public var status: Int
    /// The body, whatever its declared type.
    public var body: [UInt8]
    /// Seconds after which the server wants to be asked again (Retry-After, a number or a date): 1 to 86,400; nil: it does not say.
    public var retryAfter: Int?

    /// A server that wants to be asked in more than a day is asked in a day.
    static let maximumRetryAfter: Int64 = 86_400

    /// A reply.
    public init(status: Int, body: [UInt8], retryAfter: Int? = nil) {
        (self.status, self.body, self.retryAfter) = (status, body, retryAfter)
    }
}

/// The result of a download that succeeded.
public struct HTTPDownload: Equatable, Sendable {
    /// The status of the reply: 200, or 206 if it continued from the offset; otherwise nothing was written.
    public var status: Int
    /// Bytes that this call has written.
    public var written: Int64
    /// The validator (ETag) with which it can be resumed.
    public var tag: String?
    /// The first bytes of a reply that was not 200 or 206, for an error message.
    public var excerpt: [UInt8]

    /// A download.
    public init(status: Int, written: Int64, tag: String?, excerpt: [UInt8]) {
        (self.status, self.written, self.tag, self.excerpt) = (status, written, tag, excerpt)
    }
}

/// Requests over HTTPS with libcurl: TLS 1.2 or later, the host's name checked, no redirects, no cookies, no compression,
/// no proxy unless one is given; bounded in bytes and in time. For short-lived processes: the daemon does not use it.
public struct HTTPClient: Sendable {
    /// The limits of a request.
    public struct Limits: Equatable, Sendable {
        /// The time until the TLS connection is established.
        public var connect = Duration.seconds(10)
        /// The time until the last byte; nil: for a download, which `silence` bounds.
        public var total: Duration? = .seconds(30)
        /// How long the rate may be below a byte a second.
        public var silence = Duration.seconds(10)
        /// Bytes of a reply that is kept in memory: a certificate and its issuer need a tenth of it.
        public var reply = 65_536

        /// The default limits.
        public init() {}
    }

    /// Bytes of a reply's header.
    private static let maximumHead = 32_768

    private let authority: Authority
    private let allowsPlainOnLoopback: Bool
    private let proxy: String
    /// The bounds.
    public var limits: Limits
    /// Sent with each request as `Authorization: Bearer`; plain characters only.
    public var bearer: String? {
        didSet { precondition(bearer?.utf8.allSatisfy(WebAddress.isPlain) ?? true, "not a plain token") }
    }

    /// Who has to have issued a server's certificate.
    public enum Authority: Equatable, Sendable {
        /// The system's CAs.
        case system
        /// The CAs in a PEM file, and no others.
        case file(String)
        /// The CAs in these bytes of PEM, and no others.
        case pem([UInt8])
        /// Anyone: what is received can be anyone's. Only for what is compared with a known hash before it is used.
        case unauthenticated
    }

    /// Whether libcurl is installed.
    public static var isThere: Bool { ccurl_load() }

    /// A client.
    /// - Parameters:
    ///   - authority: the CAs that a server's certificate must lead to.
    ///   - proxy: a proxy's URL, given by the operator; the environment is not used.
    ///   - allowsPlainOnLoopback: whether plain HTTP to this machine itself is allowed: for benches.
    /// - Throws: `HTTPFault`.
    public init(
        authority: Authority, proxy: String? = nil, allowsPlainOnLoopback: Bool = false, limits: Limits = Limits()
    ) throws(HTTPFault) {
        guard ccurl_load() else { throw .noLibrary }
        (self.authority, self.proxy, self.limits) = (authority, proxy ?? "", limits)
        self.allowsPlainOnLoopback = allowsPlainOnLoopback
    }

    /// A client.
    /// - Parameters:
    ///   - authorityFile: PEM, the CAs that a server's certificate must lead to, and no others; nil: the system's.
    ///   - proxy: a proxy's URL, given by the operator; the environment is not used.
    ///   - allowsPlainOnLoopback: whether plain HTTP to this machine itself is allowed: for benches.
    /// - Throws: `HTTPFault`.
    public init(
        authorityFile: String? = nil, proxy: String? = nil, allowsPlainOnLoopback: Bool = false,
        limits: Limits = Limits()
    ) throws(HTTPFault) {
        try self.init(
            authority: authorityFile.map(Authority.file) ?? .system, proxy: proxy,
            allowsPlainOnLoopback: allowsPlainOnLoopback, limits: limits)
    }

    /// Whether a request to an address is allowed: HTTPS, or this machine itself if that is permitted.
    public func check(_ address: WebAddress) throws(HTTPFault) {
        guard address.isSecure || (allowsPlainOnLoopback && address.isLoopback) else {
            throw .notSecure(address.description)
        }
    }

    /// GET.
    /// - Throws: `HTTPFault`; any reply is returned, whatever its status.
    public func get(_ address: WebAddress) throws(HTTPFault) -> HTTPReply {
        let transfer = try transfer(address)
        return try transfer.reply(address.host)
    }

    /// POST of JSON.
    /// - Throws: `HTTPFault`; any reply is returned, whatever its status.
    public func post(_ address: WebAddress, json: [UInt8]) throws(HTTPFault) -> HTTPReply {
        precondition(authority != .unauthenticated, "nothing is sent to a server that is not authenticated")
        let transfer = try transfer(address)
        transfer.add(header: "Content-Type: application/json")
        transfer.set(body: json)
        return try transfer.reply(address.host)
    }

    /// GET into a file, from an offset if the server still has the same file.
    /// - Parameters:
    ///   - file: a descriptor, written from its current position.
    ///   - offset: bytes that are there already.
    ///   - tag: the validator of the earlier part; without one, an offset is not asked for by `If-Range`.
    ///   - limit: of the whole file, with what is there already.
    ///   - tagged: is called with the reply's validator before its first byte is written, so that an interrupted download can be
    ///     resumed with it.
    /// - Throws: `HTTPFault.cannotResume` if the server sends the file from its beginning: nothing has been written then.
    public func download(
        _ address: WebAddress, to file: Int32, from offset: Int64 = 0, tag: String? = nil, limit: Int64,
        tagged: @escaping (String?) -> Void = { _ in }
    ) throws(HTTPFault) -> HTTPDownload {
        let transfer = try transfer(address)
        transfer.receive(into: file, upTo: limit - offset, from: offset, tagged: tagged)
        if offset > 0 {
            ccurl_set_text(transfer.handle, CInt(CCURL_RANGE), "\(offset)-")
            if let tag, HTTPTransfer.isTag(tag) { transfer.add(header: "If-Range: \(tag)") }
        }
        let reply = try transfer.reply(address.host)
        return HTTPDownload(
            status: reply.status, written: transfer.written, tag: transfer.tag, excerpt: reply.body)
    }

    private func transfer(_ address: WebAddress) throws(HTTPFault) -> HTTPTransfer {
        try check(address)
        let transfer = HTTPTransfer(maximumHead: HTTPClient.maximumHead, maximumBody: limits.reply)
        let secure = CCURL_HTTPS
        transfer.set(CCURL_URL, address.description)
        transfer.set(CCURL_PROTOCOLS, address.isSecure ? secure : secure | CCURL_HTTP)
        transfer.set(CCURL_FOLLOW, 0)
        transfer.set(CCURL_HTTP_VERSION, CCURL_HTTP_1_1)
        transfer.set(CCURL_TLS_VERSION, CCURL_TLS_1_2)
        transfer.set(CCURL_VERIFY_PEER, authority == .unauthenticated ? 0 : 1)
        transfer.set(CCURL_VERIFY_HOST, authority == .unauthenticated ? 0 : 2)
        transfer.set(CCURL_PROXY, proxy)
        transfer.set(CCURL_USER_AGENT, "srup-beacon")
        transfer.set(CCURL_NO_SIGNAL, 1)
        transfer.set(CCURL_CONNECT_LIMIT, limits.connect.inMilliseconds)
        if let bearer { transfer.add(header: "Authorization: Bearer \(bearer)") }
        if let total = limits.total { transfer.set(CCURL_TIME_LIMIT, total.inMilliseconds) }
        transfer.set(CCURL_LOW_SPEED_LIMIT, 1)
        transfer.set(CCURL_LOW_SPEED_TIME, max(1, limits.silence.inMilliseconds / 1_000))
        try setAuthority(of: transfer)
        return transfer
    }

    private func setAuthority(of transfer: HTTPTransfer) throws(HTTPFault) {
        switch authority {
        case .system, .unauthenticated: return
        case .file(let file):
            var status = stat()
            // libcurl would block on a FIFO.
            guard stat(file, &status) != 0 || status.st_mode & S_IFMT == S_IFREG else { throw .badAuthorityFile(file) }
            transfer.authorityFile = file
            transfer.set(CCURL_CA_FILE, file)
        case .pem(let bytes): ccurl_set_bytes(transfer.handle, CInt(CCURL_CA_BYTES), bytes, bytes.count)
        }
        // Debian's libcurl would also use /etc/ssl/certs, so that every public CA would be trusted.
        transfer.set(CCURL_CA_FOLDER, nil)
    }
}

extension Duration {
    fileprivate var inMilliseconds: CLong {
        CLong(components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000)
    }
}
