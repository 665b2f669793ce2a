import CCurl
import Glibc

/// A reply that came whole, within its bounds.
public struct HTTPReply: Equatable, Sendable {
    /// As in the status line.
    public var status: Int
    /// The body, whatever its type is said to be.
    public var body: [UInt8]

    /// A reply.
    public init(status: Int, body: [UInt8]) { (self.status, self.body) = (status, body) }
}

/// How a download ended that ended well.
public struct HTTPDownload: Equatable, Sendable {
    /// As in the status line: 200, or 206 where it went on from the offset; else nothing was written.
    public var status: Int
    /// Bytes that this call has written.
    public var written: Int64
    /// The validator (ETag) with which it can be taken up again.
    public var tag: String?
    /// The first bytes of a reply that was not 200 or 206, for a sentence.
    public var excerpt: [UInt8]

    /// A download.
    public init(status: Int, written: Int64, tag: String?, excerpt: [UInt8]) {
        (self.status, self.written, self.tag, self.excerpt) = (status, written, tag, excerpt)
    }
}

/// Requests over HTTPS with libcurl: TLS 1.2 or later, the host's name checked, no redirects, no cookies, no compression,
/// no proxy unless one is given; bounded in bytes and in time. For processes that live shortly: the daemon has none.
public struct HTTPClient: Sendable {
    /// What bounds a request.
    public struct Limits: Equatable, Sendable {
        /// Until TLS stands.
        public var connect = Duration.seconds(10)
        /// Until the last byte; nil: for a download, which `silence` bounds.
        public var total: Duration? = .seconds(30)
        /// How long less than a byte a second may come.
        public var silence = Duration.seconds(10)
        /// Bytes of a reply that is kept in memory: a certificate and its issuer take a tenth of it.
        public var reply = 65_536

        /// The default limits.
        public init() {}
    }

    /// Bytes of a reply's head.
    private static let longestHead = 32_768

    private let authorityFile: String?
    private let allowsPlainOnLoopback: Bool
    private let proxy: String
    /// The bounds.
    public var limits: Limits
    /// Sent with each request as `Authorization: Bearer`; plain characters only.
    public var bearer: String? {
        didSet { precondition(bearer?.utf8.allSatisfy(WebAddress.isPlain) ?? true, "a token that is no plain word") }
    }

    /// Whether libcurl is on this machine.
    public static var isThere: Bool { ccurl_load() }

    /// A client.
    /// - Parameters:
    ///   - authorityFile: PEM, the CAs that a server's certificate must lead to, and no others; nil: the system's.
    ///   - proxy: a proxy's URL, given by the operator; the environment is not asked.
    ///   - allowsPlainOnLoopback: whether plain HTTP is spoken with this machine itself: for benches.
    /// - Throws: `HTTPFault`.
    public init(
        authorityFile: String? = nil, proxy: String? = nil, allowsPlainOnLoopback: Bool = false,
        limits: Limits = Limits()
    ) throws(HTTPFault) {
        guard ccurl_load() else { throw .noLibrary }
        (self.authorityFile, self.proxy, self.limits) = (authorityFile, proxy ?? "", limits)
        self.allowsPlainOnLoopback = allowsPlainOnLoopback
    }

    /// Whether an address may be asked: HTTPS, or this machine itself where that is allowed.
    public func check(_ address: WebAddress) throws(HTTPFault) {
        guard address.isSecure || (allowsPlainOnLoopback && address.isLoopback) else {
            throw .notSecure(address.description)
        }
    }

    /// GET.
    /// - Throws: `HTTPFault`; a status that is no success is none.
    public func get(_ address: WebAddress) throws(HTTPFault) -> HTTPReply {
        let transfer = try transfer(address)
        return try transfer.reply(address.host)
    }

    /// POST of JSON.
    /// - Throws: `HTTPFault`; a status that is no success is none.
    public func post(_ address: WebAddress, json: [UInt8]) throws(HTTPFault) -> HTTPReply {
        let transfer = try transfer(address)
        transfer.add(header: "Content-Type: application/json")
        transfer.set(body: json)
        return try transfer.reply(address.host)
    }

    /// GET into a file, from an offset on where the server still has the same file.
    /// - Parameters:
    ///   - file: a descriptor, written in order from where it stands.
    ///   - offset: bytes that are there already.
    ///   - tag: the validator of the earlier part; without one, an offset is not asked for by `If-Range`.
    ///   - limit: of the whole file, with what is there already.
    ///   - tagged: is told the reply's validator before its first byte is written: what is broken off can be taken up
    ///     with it.
    /// - Throws: `HTTPFault.cannotResume` where the server sends the file from its beginning: nothing has been written then.
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
        let transfer = HTTPTransfer(longestHead: HTTPClient.longestHead, longestBody: limits.reply)
        let secure = CCURL_HTTPS
        transfer.set(CCURL_URL, address.description)
        transfer.set(CCURL_PROTOCOLS, address.isSecure ? secure : secure | CCURL_HTTP)
        transfer.set(CCURL_FOLLOW, 0)
        transfer.set(CCURL_HTTP_VERSION, CCURL_HTTP_1_1)
        transfer.set(CCURL_TLS_VERSION, CCURL_TLS_1_2)
        transfer.set(CCURL_VERIFY_PEER, 1)
        transfer.set(CCURL_VERIFY_HOST, 2)
        transfer.set(CCURL_PROXY, proxy)
        transfer.set(CCURL_USER_AGENT, "srup-beacon")
        transfer.set(CCURL_NO_SIGNAL, 1)
        transfer.set(CCURL_CONNECT_LIMIT, limits.connect.inMilliseconds)
        if let bearer { transfer.add(header: "Authorization: Bearer \(bearer)") }
        if let total = limits.total { transfer.set(CCURL_TIME_LIMIT, total.inMilliseconds) }
        transfer.set(CCURL_LOW_SPEED_LIMIT, 1)
        transfer.set(CCURL_LOW_SPEED_TIME, max(1, limits.silence.inMilliseconds / 1_000))
        if let authorityFile {
            var status = stat()
            // libcurl would wait for somebody at a FIFO's other end.
            guard stat(authorityFile, &status) != 0 || status.st_mode & S_IFMT == S_IFREG else {
                throw .badAuthorityFile(authorityFile)
            }
            transfer.authorityFile = authorityFile
            transfer.set(CCURL_CA_FILE, authorityFile)
            // Debian's libcurl would look into /etc/ssl/certs as well, so that every public CA were trusted.
            transfer.set(CCURL_CA_FOLDER, nil)
        }
        return transfer
    }
}

extension Duration {
    fileprivate var inMilliseconds: CLong {
        CLong(components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000)
    }
}
