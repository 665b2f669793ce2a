import Broker
import EventLoop
import Foundation
import Keys
import SRUP
import Synchronization

/// A C2 server that the test controls: it sends what it is told, right or wrong, and keeps what arrives. It counts as the
/// reference does: one number a peer for both directions (docs/protocol.md, section 4).
package final class TestServer: Sendable {
    private struct State {
        var connection: Int?
        var counter: UInt64 = 0
        var accepted: [Verified<Message>] = []
        var ignored: [Message] = []
        /// When the first response under a token had come, on CLOCK_BOOTTIME.
        var arrivals: [Token: Int64] = [:]
        var nextID: Int64 = 0
        /// Messages that no broker has acknowledged, if they are kept.
        var outbox: [Outgoing] = []
        /// Messages that are published together at the end of `holdBack`.
        var held: [Outgoing]?
    }

    package let id: Identifier
    package let key: IdentityKey
    package let beaconKey: PublicKey
    private let keyring: PublicKeys
    private let answersJoins: Bool
    private let sendsAgain: Bool
    /// Locked from the choice of a sequence id until its frame is with the link: an overtaken message would be refused.
    private let order = Mutex(())
    private let state = Mutex(State())
    private let link = Mutex<BrokerLink?>(nil)

    /// - Parameters:
    ///   - id: whose server it is; one of the network's.
    ///   - sendsAgain: whether what a broker has not acknowledged is sent again over the next connection, the same
    ///     bytes; otherwise it is lost with the connection.
    package init(
        _ network: Network, as id: Identifier = Node.c2, answersJoins: Bool = true, sendsAgain: Bool = false
    ) throws {
        let folder = network.folder
        self.id = id
        key = try IdentityKey(pemFile: folder + "/\(id.topicForm).key.pem")
        beaconKey = try PublicKey(pemFile: folder + "/\(Node.beacon.topicForm).pub.pem")
        keyring = PublicKeys([Node.beacon: beaconKey])
        (self.answersJoins, self.sendsAgain) = (answersJoins, sendsAgain)
        var settings = BrokerLink.Settings(
            brokers: [BrokerAddress(host: "localhost", port: network.port)], clientID: id.topicForm,
            tls: TLSFiles(
                authority: folder + "/ca.pem", certificate: folder + "/\(id.topicForm).cert.pem",
                key: folder + "/\(id.topicForm).tls.key"),
            subscriptions: [Topic.joinRequests(to: id), Topic.of(device: Node.beacon)],
            maximumPayload: UnverifiedFrame.maximumLength)
        (settings.initialRetry, settings.maximumRetry) = (.milliseconds(20), .milliseconds(100))
        let made = BrokerLink(settings) { [weak self] batch in
            for incoming in batch { self?.take(incoming) }
            return true
        } happened: { [weak self] event in
            switch event {
            case .connected(_, let connection, _): self?.connected(connection)
            case .lost: self?.state.withLock { $0.connection = nil }
            case .acknowledged(let ids): self?.state.withLock { $0.outbox.removeAll { ids.contains($0.id) } }
            case .notSubscribed: break
            }
        }
        link.withLock { $0 = made }
        made.start()
        try eventually("the server is connected") { isConnected }
    }

    deinit { link.withLock { $0 }?.stop() }

    package var isConnected: Bool { state.withLock { $0.connection != nil } }

    private func connected(_ connection: Int) {
        state.withLock { state in
            state.connection = connection
            link.withLock { $0 }?.publish(state.outbox, over: connection)
        }
    }

    private func take(_ incoming: Incoming) {
        let now = bootNanoseconds()
        guard let frame = try? UnverifiedFrame(incoming.payload), frame.claimedSender == Node.beacon,
            let message = try? frame.verified(by: keyring)
        else { return }
        let fresh = state.withLock { state in
            guard message.content.sequence.number > state.counter else {
                state.ignored.append(message.content)
                return false
            }
            state.counter = message.content.sequence.number
            state.accepted.append(message)
            if case .response = message.content.body, state.arrivals[message.content.token] == nil {
                state.arrivals[message.content.token] = now
            }
            return true
        }
        if fresh, answersJoins, message.content.body == .joinRequest {
            _ = try? send(.response(.joinSuccess), token: message.content.token)
        }
    }

    /// Signs and sends a message to the beacon; the counter goes up by one unless a number is given.
    /// - Returns: the frame.
    @discardableResult
    package func send(_ body: Body, token: Token, sequence: UInt64? = nil) throws -> [UInt8] {
        try order.withLock { _ in
            let number = state.withLock { state in
                if let sequence { return sequence }
                state.counter += 1
                return state.counter
            }
            let message = Message(sequence: SequenceID(number), sender: id, token: token, body: body)
            let frame = try message.signed(by: key)
            publish(frame)
            return frame
        }
    }

    package func publish(_ payload: [UInt8]) {
        state.withLock { state in
            state.nextID += 1
            let message = Outgoing(id: state.nextID, topic: Topic.of(device: Node.beacon), payload: payload)
            if sendsAgain { state.outbox.append(message) }
            if state.held != nil {
                state.held?.append(message)
                return
            }
            if let connection = state.connection { link.withLock { $0 }?.publish([message], over: connection) }
        }
    }

    /// Publishes all that the body sends at once, at its end.
    package func holdBack(_ body: () throws -> Void) throws {
        state.withLock { $0.held = [] }
        try body()
        state.withLock { state in
            let held = state.held ?? []
            state.held = nil
            if let connection = state.connection { link.withLock { $0 }?.publish(held, over: connection) }
        }
    }

    /// Asks for an observation of a device.
    @discardableResult
    package func observe(_ device: Identifier, _ value: Secret, token: Token, sequence: UInt64? = nil) throws -> [UInt8]
    {
        let sealed = Octets(try beaconKey.seal(value))
        return try send(.observationRequest(joining: device, sealed: sealed), token: token, sequence: sequence)
    }

    /// The statuses of the responses under a token that the reference would accept, in order.
    package func verdicts(_ token: Token) -> [Status] {
        state.withLock { state in
            state.accepted.filter { $0.content.token == token }.compactMap {
                if case .response(let status) = $0.content.body { status } else { nil }
            }
        }
    }

    /// Every status seen under a token, also in frames that the reference drops as replayed.
    package func everyStatus(_ token: Token) -> [Status] {
        state.withLock { state in
            (state.accepted.map(\.content) + state.ignored).filter { $0.token == token }.compactMap {
                if case .response(let status) = $0.body { status } else { nil }
            }
        }
    }

    /// The same without copies: QoS 1 may deliver a message more than once.
    package func everyAnswer(_ token: Token) -> [Status] {
        state.withLock { state in
            var seen: Set<SequenceID> = []
            return (state.accepted.map(\.content) + state.ignored).filter { $0.token == token }.compactMap {
                guard case .response(let status) = $0.body, seen.insert($0.sequence).inserted else { return nil }
                return status
            }
        }
    }

    /// The statuses of all responses by their tokens: those that the reference would accept, and those that it drops.
    package var responses: [Token: (accepted: [Status], dropped: [Status])] {
        let (accepted, ignored) = state.withLock { ($0.accepted.map(\.content), $0.ignored) }
        var found: [Token: (accepted: [Status], dropped: [Status])] = [:]
        for message in accepted {
            if case .response(let status) = message.body {
                found[message.token, default: ([], [])].accepted.append(status)
            }
        }
        for message in ignored {
            if case .response(let status) = message.body {
                found[message.token, default: ([], [])].dropped.append(status)
            }
        }
        return found
    }

    /// When the first response under a token had come, before it was verified, on CLOCK_BOOTTIME.
    package func arrival(_ token: Token) -> Int64? { state.withLock { $0.arrivals[token] } }

    /// Messages of the beacon's that were accepted.
    package var accepted: [Message] { state.withLock { $0.accepted.map(\.content) } }
    /// Messages that the reference's counter dropped.
    package var ignored: [Message] { state.withLock { $0.ignored } }
    package var counter: UInt64 { state.withLock { $0.counter } }

    package func waitForVerdict(_ token: Token, within seconds: Double = 60) throws -> Status {
        try eventually("a verdict", within: seconds) { !verdicts(token).isEmpty }
        guard let first = verdicts(token).first else { throw NotInTime(what: "a verdict") }
        return first
    }

    package static func token() -> Token { Token(random: randomBytes(16)) }
}
