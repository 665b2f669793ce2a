import CLinux
import EventLoop
import FoundationEssentials
import Glibc
import Nearby
import OperatorText

/// The control socket: one line in, one JSON document out, and the end. For the beacon's user only: the state folder around
/// it is accessible to that user only.
///
/// `@unchecked Sendable`: used on the loop's thread only.
package final class Control: @unchecked Sendable {
    // Used on the loop's thread only, as all of this.
    private final class Client: @unchecked Sendable {
        let socket: Int32
        var watch: Loop.Watch?
        var request: [UInt8] = []
        var reply: ArraySlice<UInt8> = []
        init(_ socket: Int32) { self.socket = socket }
    }

    /// Where more come at once, the oldest goes: idle ones do not lock the operator out.
    private static let clientLimit = 16
    private static let acceptPause = Duration.seconds(1)
    private static let maximumRequest = 256

    private let loop: Loop
    private let path: String
    private var listener: Int32
    private let answer: (String, @escaping ([UInt8]) -> Void) -> Void
    private let acceptNext: (Int32) throws(LinkSocketError) -> LinkSocket.Accepted?
    private var clients: [Client] = []
    private var watch: Loop.Watch?
    private let clock: any LoopClock
    private lazy var resumption = clock.timer { [unowned self] in listen() }

    /// - Parameters:
    ///   - acceptNext: takes the next connection from the listening socket.
    ///   - answer: is given a line, and what takes the reply to it, at once or later; an empty one: there is none.
    /// - Throws: where the socket cannot be made.
    package init(
        _ path: String, _ loop: Loop, clock: (any LoopClock)? = nil,
        acceptNext: @escaping (Int32) throws(LinkSocketError) -> LinkSocket.Accepted? = Control.accept,
        answer: @escaping (String, @escaping ([UInt8]) -> Void) -> Void
    ) throws(LinkSocketError) {
        (self.path, self.loop, self.answer, self.acceptNext) = (path, loop, answer, acceptNext)
        self.clock = clock ?? BootClock(loop: loop)
        listener = try LinkSocket.listen(on: .local(path: path))
        listen()
    }

    /// Makes the socket again, which was removed. Clients that are connected stay so.
    /// - Throws: where it cannot be made; the old one stays.
    func makeAgain() throws(LinkSocketError) {
        let new = try LinkSocket.listen(on: .local(path: path))
        if let watch { loop.unwatch(watch, listener) }
        resumption.set(at: nil)
        close(listener)
        listener = new
        listen()
    }

    package static func accept(_ listener: Int32) throws(LinkSocketError) -> LinkSocket.Accepted? {
        try LinkSocket.accept(listener, .local)
    }

    private func listen() { watch = loop.watch(listener) { [unowned self] _ in accept() } }

    private func accept() {
        do throws(LinkSocketError) {
            guard let accepted = try acceptNext(listener) else { return }
            if clients.count >= Control.clientLimit { end(clients[0]) }
            let client = Client(accepted.socket)
            clients.append(client)
            client.watch = loop.watch(accepted.socket) { [unowned self] _ in read(client) }
        } catch {  // no descriptors: the listener would call again at once, and without end
            if let watch { loop.unwatch(watch, listener) }
            watch = nil
            resumption.set(after: Control.acceptPause)
        }
    }

    private func read(_ client: Client) {
        guard case .bytes(let bytes) = LinkSocket.receive(from: client.socket) else { return end(client) }
        client.request += bytes
        guard let line = client.request.firstIndex(of: UInt8(ascii: "\n")) else {
            if client.request.count > Control.maximumRequest { end(client) }
            return
        }
        // Until the answer is there, only the client's end counts: what it sends after its line is not read.
        if let watch = client.watch { loop.unwatch(watch, client.socket) }
        client.watch = loop.watch(client.socket, for: 0) { [unowned self] _ in end(client) }
        answer(String(decoding: client.request[..<line], as: UTF8.self)) { [weak self] in self?.reply($0, to: client) }
    }

    private func reply(_ bytes: [UInt8], to client: Client) {
        guard clients.contains(where: { $0 === client }) else { return }  // it has left
        client.reply = bytes[...]
        if let watch = client.watch { loop.unwatch(watch, client.socket) }
        client.watch = loop.watch(client.socket, for: EPOLLOUT.rawValue) { [unowned self] _ in write(client) }
    }

    private func write(_ client: Client) {
        let count = client.reply.withUnsafeBytes { send(client.socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if count < 0, errno == EAGAIN { return }
        client.reply = client.reply.dropFirst(max(0, count))
        if count <= 0 || client.reply.isEmpty { end(client) }
    }

    private func end(_ client: Client) {
        if let watch = client.watch { loop.unwatch(watch, client.socket) }
        clients.removeAll { $0 === client }
        close(client.socket)
    }

    /// Which process listens there.
    package static func process(at path: String) -> Int32? {
        guard let socket = try? LinkSocket.connect(to: .local(path: path)) else { return nil }
        defer { close(socket) }
        var (process, user) = (Int32(0), UInt32(0))
        return clinux_peer_credentials(socket, &process, &user) == 0 ? process : nil
    }

    /// Asks a running beacon.
    /// - Parameter seconds: for each part of the answer.
    /// - Throws: `OperatorFault` where none answers.
    package static func ask(_ path: String, _ request: ControlRequest, within seconds: Int32 = 5) throws -> [UInt8] {
        let silent = OperatorFault("no beacon answers at \(path)", hint: "start it: srup-beacon run --config FILE")
        let socket: Int32
        do throws(LinkSocketError) { socket = try LinkSocket.connect(to: .local(path: path)) } catch {
            if case .failed(_, EACCES) = error {
                throw OperatorFault(
                    "this user may not ask the beacon at \(path)", hint: "run this as the beacon's user, or as root")
            }
            // It could not be started.
            try StateFolder(lookingInto: String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex)))
                .checkNotDeregistered()
            throw silent
        }
        defer { close(socket) }
        let line = request.line + "\n"
        guard send(socket, line, line.utf8.count, Int32(MSG_NOSIGNAL)) == line.utf8.count else { throw silent }
        var reply: [UInt8] = []
        while true {
            var one = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            guard poll(&one, 1, seconds * 1_000) > 0 else { throw silent }
            let piece = LinkSocket.receive(from: socket)
            guard case .bytes(let bytes) = piece else { break }
            reply += bytes
        }
        guard !reply.isEmpty else {
            throw OperatorFault(
                "the beacon at \(path) has no answer to that now", hint: "srup-beacon status tells why; or its log does"
            )
        }
        return reply
    }
}

/// What the operator's subcommands ask a running beacon, or read from its files if none runs.
public enum Inquiry {
    /// Verdicts in one answer: more would keep the loop from its work for too long.
    public static let maximumHistory = 10_000

    /// The status as JSON.
    /// - Throws: `OperatorFault` where no beacon runs.
    public static func status(_ configuration: Configuration) throws -> [UInt8] {
        try Control.ask(configuration.stateFolder + "/control", .status)
    }

    /// What it counts, in Prometheus' exposition format.
    /// - Throws: `OperatorFault` where no beacon runs.
    public static func metrics(_ configuration: Configuration) throws -> String {
        String(decoding: try Control.ask(configuration.stateFolder + "/control", .metrics), as: UTF8.self)
    }

    /// The newest verdicts as JSON: from the running beacon, otherwise from its journal.
    /// - Throws: `OperatorFault` where neither can be read.
    package static func observations(
        _ configuration: Configuration, limit: Int, _ filter: HistoryFilter = HistoryFilter()
    ) throws -> [UInt8] {
        let folder = StateFolder(lookingInto: configuration.stateFolder)
        // A beacon that runs has its journal to itself, also while it cannot use it.
        if Control.process(at: folder.control) != nil {
            let reply = try Control.ask(folder.control, .observations(limit: limit, filter))
            // A beacon of an older version knows no filter.
            return Array(try encoder().encode(try history(reply).filter { filter.contains($0) }))
        }
        do {
            return Array(try encoder().encode(try Journal.history(of: folder, limit: limit, filter)))
        } catch let failure as Journal.Failure {
            throw OperatorFault(failure.message, hint: "check that \(folder.journal) is there and whole")
        }
    }

    /// The report inside a status reply.
    public static func report(_ json: [UInt8]) throws -> StatusReport {
        try decoded(StatusReport.self, json)
    }

    /// The verdicts inside an observations reply.
    public static func history(_ json: [UInt8]) throws -> [PastObservation] {
        try decoded([PastObservation].self, json)
    }

    /// A reply of the running beacon, which may be of another version.
    static func decoded<Reply: Decodable>(_ type: Reply.Type, _ json: [UInt8]) throws -> Reply {
        do {
            return try decoder().decode(type, from: Data(json))
        } catch {
            throw OperatorFault(
                "the running beacon's reply is not one that this version of srup-beacon understands",
                hint: "use the same version for both: systemctl restart srup-beacon")
        }
    }
}
