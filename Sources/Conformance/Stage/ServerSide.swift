import Bench
import BootTime
import Broker
import Glibc
import Keys
import OperatorText
import SRUP
import Synchronization

/// The server towards one device, on a real broker: what has come, and sequence ids as docs/protocol.md, section 4, has them.
final class ServerSide: Sendable {
    private struct State {
        var connection: Int?
        var fault: BrokerFault?
        /// How a connection has ended since `clear`: what came meanwhile is lost, even if there is another one.
        var lost: BrokerFault?
        var received: [Incoming] = []
        var lastMessage: Int64 = 0
        var sent: UInt64
        /// The last id of the device.
        var accepted: UInt64 = 0
        var tokens: Set<Token> = []
    }

    private static let most = 1_000
    /// Tolerates messages that cross.
    private static let step: UInt64 = 16

    let node: BenchNode
    let device: Identifier
    private let state: Mutex<State>
    private let link: Mutex<BrokerLink?> = Mutex(nil)

    /// - Throws: `OperatorFault` where this machine's clock is wrong.
    init(_ node: BenchNode, device: Identifier) throws {
        (self.node, self.device) = (node, device)
        // As a server begins whose earlier ids are lost. A device of the kit numbers above it, and is followed.
        _ = try SequenceID.fresh()
        state = Mutex(State(sent: UInt64(max(0, wallMicroseconds()))))
    }

    /// Connects to the broker, and waits until it has subscribed.
    /// - Throws: `BrokerFault`.
    func connect() throws {
        var settings = node.linkSettings(subscriptions: [Topic.joinRequests(to: node.id), Topic.of(device: device)])
        settings.keepsSession = false
        let link = BrokerLink(
            settings,
            deliver: { [self] batch in
                state.withLock { $0.received = Array(($0.received + batch).suffix(ServerSide.most)) }
                return true
            },
            happened: { [self] event in note(event) })
        self.link.withLock { $0 = link }
        link.start()
        let deadline = Instant.now + .seconds(4)
        while state.withLock({ $0.connection }) == nil {
            if let fault = state.withLock({ $0.fault }), .now > deadline { throw fault }
            guard .now < deadline + .seconds(10) else { throw silent }
            usleep(10_000)
        }
    }

    private var silent: BrokerFault { state.withLock { $0.fault } ?? .silent }

    func stop() { link.withLock { $0 }?.stop() }

    private func note(_ event: BrokerLink.Event) {
        state.withLock { state in
            switch event {
            case .connected(_, let connection, _): (state.connection, state.fault) = (connection, nil)
            case .lost(_, let fault):
                if state.connection != nil { state.lost = fault }
                (state.connection, state.fault) = (nil, fault)
            case .notSubscribed(let fault): state.fault = fault
            case .acknowledged: break
            }
        }
    }

    /// The next message that is not our own.
    func next() -> Incoming? {
        state.withLock { state in
            while !state.received.isEmpty {
                let one = state.received.removeFirst()
                if (try? UnverifiedFrame(one.payload))?.claimedSender != node.id { return one }
            }
            return nil
        }
    }

    /// Forgets what has come.
    func clear() {
        state.withLock { state in
            state.received = []
            if state.connection != nil { state.lost = nil }
        }
    }

    /// Checks that the connection has not ended, also not for a while: otherwise the device would be blamed for what we have lost.
    /// - Throws: `OperatorFault`.
    func check() throws(OperatorFault) {
        guard let lost = state.withLock({ $0.lost }) else { return }
        throw OperatorFault(
            "the connection of prove to the broker has ended: \(lost.message)", hintOf: lost, exitStatus: EX_UNAVAILABLE
        )
    }

    /// Publishes any bytes to the device.
    func publish(_ payload: [UInt8]) {
        let (message, connection) = state.withLock { state in
            state.lastMessage += 1
            let topic = Topic.of(device: device)
            return (Outgoing(id: state.lastMessage, topic: topic, payload: payload), state.connection)
        }
        if let connection { link.withLock { $0 }?.publish([message], over: connection) }
    }

    /// The id of the next message to the device.
    func nextSequence() -> SequenceID {
        state.withLock { state in
            state.sent = max(state.sent, state.accepted) + ServerSide.step
            return SequenceID(state.sent)
        }
    }

    /// An id far above those of the next messages.
    func farSequence() -> SequenceID { SequenceID(nextSequence().number + 1 << 40) }

    /// The id of the last message to the device.
    var lastSequence: SequenceID { state.withLock { SequenceID($0.sent) } }

    /// Whether a message of the device is new; it is then the last one.
    func accepts(_ sequence: SequenceID) -> (isNew: Bool, last: SequenceID) {
        state.withLock { state in
            let last = state.accepted
            if sequence.number > last { state.accepted = sequence.number }
            return (sequence.number > last, SequenceID(last))
        }
    }

    /// Whether the device has not used this token before.
    func isFresh(_ token: Token) -> Bool { state.withLock { $0.tokens.insert(token).inserted } }

    /// Sends a message of the server, and returns its frame.
    @discardableResult
    func send(_ body: Body, _ token: Token) -> [UInt8] {
        let frame = node.sign(Message(sequence: nextSequence(), sender: node.id, token: token, body: body))
        publish(frame)
        return frame
    }
}
