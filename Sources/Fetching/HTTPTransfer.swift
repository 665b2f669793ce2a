import CCurl
import Glibc
import OperatorText

/// One request and its reply. libcurl calls the two receivers below; both only collect, within bounds.
final class HTTPTransfer {
    let handle: OpaquePointer
    var authorityFile = ""
    private(set) var written: Int64 = 0
    private(set) var tag: String?

    private let maximumHead: Int
    private let maximumBody: Int
    private var headers: OpaquePointer?
    private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CCURL_ERROR_LENGTH))
    private var headLength = 0
    /// The offset at which the server says that a part begins.
    private var begin: Int64?
    private var body: [UInt8] = []
    private var fault: HTTPFault?
    private var hasEnough = false
    /// Of a download: the descriptor, the maximum number of bytes, and the offset at which they begin.
    private var file: (descriptor: Int32, limit: Int64, offset: Int64)?
    private var tagged: (String?) -> Void = { _ in }

    init(maximumHead: Int, maximumBody: Int) {
        guard let made = ccurl_new() else { preconditionFailure("libcurl made no handle") }
        (handle, self.maximumHead, self.maximumBody) = (made, maximumHead, maximumBody)
        errorText.initialize(repeating: 0, count: Int(CCURL_ERROR_LENGTH))
        ccurl_set_pointer(handle, CInt(CCURL_ERROR_TEXT), errorText)
        let me = Unmanaged.passUnretained(self).toOpaque()
        ccurl_set_pointer(handle, CInt(CCURL_WRITE_TO), me)
        ccurl_set_pointer(handle, CInt(CCURL_HEADER_TO), me)
        ccurl_set_receiver(handle, CInt(CCURL_WRITE)) { bytes, one, count, me in
            HTTPTransfer.from(me)?.take(UnsafeRawBufferPointer(start: bytes, count: one * count)) == true
                ? one * count : 0
        }
        ccurl_set_receiver(handle, CInt(CCURL_HEADER)) { bytes, one, count, me in
            HTTPTransfer.from(me)?.take(header: UnsafeRawBufferPointer(start: bytes, count: one * count)) == true
                ? one * count : 0
        }
        add(header: "Expect:")  // no waiting for "100 Continue"
    }

    deinit {
        ccurl_free(handle)
        ccurl_free_list(headers)
        errorText.deallocate()
    }

    private static func from(_ pointer: UnsafeMutableRawPointer?) -> HTTPTransfer? {
        pointer.map { Unmanaged<HTTPTransfer>.fromOpaque($0).takeUnretainedValue() }
    }

    // An option that libcurl rejects must not be missing silently: these options are our protection.

    func set(_ option: Int, _ number: CLong) {
        let result = ccurl_set_number(handle, CInt(option), number)
        precondition(result == 0, "libcurl does not take option \(option): \(result)")
    }

    func set(_ option: Int, _ text: String?) {
        let result = ccurl_set_text(handle, CInt(option), text)
        precondition(result == 0, "libcurl does not take option \(option): \(result)")
    }

    func add(header: String) {
        headers = ccurl_append(headers, header)
        ccurl_set_pointer(handle, CInt(CCURL_HEADERS), UnsafeRawPointer(headers))
    }

    func set(body: [UInt8]) {
        set(CCURL_POST_LENGTH, CLong(body.count))
        _ = body.withUnsafeBytes { ccurl_set_pointer(handle, CInt(CCURL_COPY_POST), $0.baseAddress) }
    }

    func receive(
        into descriptor: Int32, upTo limit: Int64, from offset: Int64, tagged: @escaping (String?) -> Void
    ) {
        (file, self.tagged) = ((descriptor, limit, offset), tagged)
    }

    /// Sends the request, and waits for the whole reply.
    func reply(_ host: String) throws(HTTPFault) -> HTTPReply {
        let result = ccurl_perform(handle)
        if let fault { throw fault }
        guard result == 0 || hasEnough else { throw explain(result, host) }
        let status = Int(ccurl_number(handle, CInt(CCURL_STATUS)))
        guard !(300...399).contains(status) else {
            let place = ccurl_text(handle, CInt(CCURL_REDIRECT)).map { String(cString: $0) } ?? "nowhere"
            throw .redirected(to: printable(withoutSecrets(address: place).utf8))
        }
        // Of both forms, a number and a date; 0 if there is none, or if the date is past.
        let seconds = ccurl_long_number(handle, CInt(CCURL_RETRY_AFTER))
        return HTTPReply(
            status: status, body: body,
            retryAfter: seconds > 0 ? Int(min(seconds, HTTPReply.maximumRetryAfter)) : nil)
    }

    private func explain(_ result: CInt, _ host: String) -> HTTPFault {
        let said = String(decoding: UnsafeRawBufferPointer(start: errorText, count: strlen(errorText)), as: UTF8.self)
        let words = printable((said.isEmpty ? String(cString: ccurl_sentence(result)) : said).utf8)
        return switch Int(result) {
        case CCURL_NO_SUCH_HOST: .unknownHost(host)
        case CCURL_NO_CONNECTION: .unreachable(words)
        case CCURL_TOO_SLOW: .tooSlow(words)
        case CCURL_NOT_TRUSTED: .untrusted(words)
        case CCURL_BAD_CA_FILE: .badAuthorityFile(authorityFile)
        case CCURL_NOTHING_CAME, CCURL_NOT_SENT, CCURL_NOT_RECEIVED: .interrupted(words)
        // Other failures of a handshake will be the same the next time.
        case CCURL_NO_TLS where ["SYSCALL", "reset by peer", "unexpected eof"].contains { words.contains($0) }:
            .interrupted(words)
        default: .failed(words)
        }
    }

    // MARK: - What libcurl calls

    private func take(header bytes: UnsafeRawBufferPointer) -> Bool {
        headLength += bytes.count
        guard headLength <= maximumHead else {
            fault = .headTooLong
            return false
        }
        let line = String(decoding: bytes, as: UTF8.self)
        if line.lowercased().hasPrefix("etag:") {
            let value = line.dropFirst(5).trimmingASCIISpace
            if HTTPTransfer.isTag(value) { tag = value }
        }
        if line.lowercased().hasPrefix("content-range:") {
            let range = line.dropFirst(14).trimmingASCIISpace.lowercased()
            begin = range.hasPrefix("bytes ") ? Int64(range.dropFirst(6).prefix { $0 != "-" }) : nil
        }
        return true
    }

    /// A strong validator, and nothing else that could be put into a request.
    static func isTag(_ text: String) -> Bool {
        text.isPrintable(2...200, spaces: false) && text.hasPrefix("\"") && text.hasSuffix("\"")
    }

    private func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let status = Int(ccurl_number(handle, CInt(CCURL_STATUS)))
        if let file, status == 200 || status == 206 { return write(bytes, file, status) }
        if file != nil, body.count + bytes.count > maximumBody {
            // Only a part of an error reply's body is wanted.
            body += bytes.prefix(maximumBody - body.count)
            hasEnough = true
            return false
        }
        guard body.count + bytes.count <= maximumBody else {
            fault = .tooLong(limit: maximumBody)
            return false
        }
        body += bytes
        return true
    }

    private func write(
        _ bytes: UnsafeRawBufferPointer, _ file: (descriptor: Int32, limit: Int64, offset: Int64), _ status: Int
    ) -> Bool {
        guard (status == 206) == (file.offset > 0), status == 200 || begin == file.offset else {
            fault = .cannotResume
            return false
        }
        guard written + Int64(bytes.count) <= file.limit else {
            fault = .tooLong(limit: Int(file.limit + file.offset))
            return false
        }
        if written == 0 { tagged(tag) }
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(file.descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            guard count > 0 || errno == EINTR else {
                fault = .notWritten(String(cString: strerror(errno)))
                return false
            }
            done += max(0, count)
        }
        written += Int64(bytes.count)
        return true
    }
}

extension Substring {
    fileprivate var trimmingASCIISpace: String {
        let isSpace = { (c: Character) in c == " " || c == "\t" || c == "\r" || c == "\n" || c == "\r\n" }
        var rest = drop(while: isSpace)
        while let last = rest.last, isSpace(last) { rest = rest.dropLast() }
        return String(rest)
    }
}
