import Broker
import EventLoop
import Glibc
import Keys
import OperatorText
import SRUP

/// A captured beacon (§7): a member of its server that gives the same verdict on every device, immediately and without having seen it.
/// It holds its own key and every value that is sealed to it, but no device's key. For demonstrations and tests of servers.
///
/// `@unchecked Sendable`: mutable state is used on the loop's thread only.
public final class CapturedBeacon: @unchecked Sendable {
    private let node: BenchNode
    private let server: Identifier
    private let ring: PublicKeys
    private let verdict: Status
    private let say: @Sendable (String) -> Void
    private let loop = Loop()
    private var counter = ReferenceCounter()
    private var outbox = Outbox()
    private var link: BrokerLink?
    private var again: Alarm?
    private var isMember = false

    /// A captured beacon that is not running yet.
    /// - Parameters:
    ///   - verdict: its answer to every OBSERVE_REQ.
    ///   - say: takes a line for standard output.
    /// - Throws: `OperatorFault` where this machine's clock is wrong.
    public init(
        _ node: BenchNode, server: Identifier, serverKey: PublicKey, verdict: Status,
        say: @escaping @Sendable (String) -> Void = { Terminal.print($0) }
    ) throws(OperatorFault) {
        (self.node, self.server, self.verdict, self.say) = (node, server, verdict, say)
        ring = PublicKeys([server: serverKey])
        counter = ReferenceCounter([server: try SequenceID.fresh().number])
    }

    /// Runs on the calling thread until a signal.
    public func run(until signals: StopSignals) {
        signals.watch(on: loop) { [unowned self] in loop.stop() }
        let link = BrokerLink(
            node.linkSettings(subscriptions: [Topic.of(device: node.id)]),
            deliver: { [self] batch in
                loop.perform { for one in batch { self.receive(one.payload) } }
                return true
            },
            happened: { [self] happening in loop.perform { self.note(happening) } })
        self.link = link
        again = Alarm(loop) { [unowned self] in outbox.goOn(over: self.link) }
        link.start()
        loop.run()
        link.stop()
        (self.link, again) = (nil, nil)
    }

    private func note(_ happening: BrokerLink.Event) {
        switch happening {
        case .connected(let address, let connection, _):
            outbox.connected(connection, to: address, over: link)
            if !isMember { send(.joinRequest, Token(random: randomBytes(16))) }
        case .lost(_, let fault):
            outbox.lost(fault)
            Terminal.printError(fault)
        case .acknowledged(let ids): outbox.acknowledged(ids, over: link)
        case .notSubscribed(let fault): Terminal.printError(fault)
        }
        again?.set(at: outbox.due)
    }

    private func receive(_ payload: [UInt8]) {
        guard let frame = try? UnverifiedFrame(payload), frame.claimedSender == server,
            let message = try? frame.verified(by: ring).content, counter.accept(message.sequence, from: server)
        else { return }
        switch message.body {
        case .response(.joinSuccess):
            isMember = true
            say("captured: member of \(server)")
        case .observationRequest(let device, _):
            say("captured: says of \(device), which it has not seen: \(verdict)")
            send(.response(verdict), message.token)
        // It ignores everything else.
        case .response, .initiate, .activate, .action, .data, .identityRequest, .joinRequest, .joinCommand,
            .humanJoinRequest, .humanJoinResponse, .observedJoinRequest, .observedJoinResponse, .resignRequest,
            .terminateCommand, .deregisterRequest, .deregisterCommand, .syndicationInitiate, .syndicatedAction,
            .syndicatedData, .syndicatedIdentityRequest, .syndicatedDeviceCount, .syndicatedDeviceList,
            .syndicationRequest, .syndicatedC2Request, .syndicationEnd, .syndicationTerminate:
            break
        }
    }

    private func send(_ body: Body, _ token: Token) {
        let message = Message(sequence: counter.next(to: server), sender: node.id, token: token, body: body)
        outbox.publish(outbox.next(node.sign(message), on: message.topic(to: server)), over: link)
        again?.set(at: outbox.due)
    }
}
