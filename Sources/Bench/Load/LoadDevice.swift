import BootTime
import Broker
import EventLoop
import Keys
import Nearby
import OperatorText
import SRUP

/// One simulated device: its connection to the broker, and one join at a time.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class LoadDevice: @unchecked Sendable {
    /// What a device reports.
    enum Event {
        /// It can join: connected and subscribed.
        case ready(connect: Duration, subscribe: Duration)
        /// Its connection has ended, or was not made.
        case lost(BrokerFault)
        /// A link of its join has ended, or was not made.
        case linkEnded(LinkPlan.Ended)
        /// Its join has ended.
        case ended(LoadJoin, LoadEnd, OperatorFault?)
    }

    let node: BenchNode
    private let loop: Loop
    private let site: LoadSite
    private let ring: PublicKeys
    private let report: (Event) -> Void
    private var client: LoopClient?
    private var lastSequence = SequenceID(0)
    private var lastMessage: Int64 = 0
    private var startedAt = Instant.boot
    private var connectedAt = Instant.boot
    private(set) var join: LoadJoin?
    /// When it connects again, if its connection has ended.
    private(set) var restartAt: Instant?

    /// How long to wait before connecting again.
    private static let restartPause = Duration.seconds(1)

    init(_ node: BenchNode, _ site: LoadSite, _ ring: PublicKeys, on loop: Loop, report: @escaping (Event) -> Void) {
        (self.node, self.site, self.ring, self.loop, self.report) = (node, site, ring, loop, report)
    }

    var isReady: Bool { client?.isReady == true && join == nil }

    func connect(over address: String) {
        let settings = node.linkSettings(subscriptions: [Topic.of(device: node.id)])
        let client =
            client ?? LoopClient(loop, settings, over: address) { [unowned self] event in note(event) }
        self.client = client
        (startedAt, restartAt) = (.now, nil)
        client.start()
    }

    /// Ends the connection.
    func stop() { client?.stop() }

    /// To be called about once a second.
    func tick(at now: Instant, limit: Duration) {
        if client?.isReady == false, restartAt == nil, now - startedAt > limit {
            client?.stop()
            lost(.silent)
        }
        client?.tick()
    }

    private func note(_ event: LoopClient.Event) {
        switch event {
        case .connected: connectedAt = .now
        case .subscribed: report(.ready(connect: connectedAt - startedAt, subscribe: .now - connectedAt))
        case .received(let messages): for message in messages { join?.receive(message.payload) }
        case .lost(let fault): lost(fault)
        }
    }

    private func lost(_ fault: BrokerFault) {
        restartAt = .now + LoadDevice.restartPause
        join?.end(.disconnected)
        report(.lost(fault))
    }

    /// Begins a join.
    /// - Throws: `OperatorFault` if this machine's clock gives no sequence id.
    func begin(_ planned: LoadPlan.Join) throws(OperatorFault) {
        lastSequence = max(try SequenceID.fresh(), SequenceID(lastSequence.number + 1))
        let join = LoadJoin(
            planned, of: node, sequence: lastSequence, site, ring, on: loop,
            LoadJoin.Outlets(
                publish: { [unowned self] frame, topic in
                    lastMessage += 1
                    client?.publish(Outgoing(id: lastMessage, topic: topic, payload: frame))
                },
                linkEnded: { [unowned self] in report(.linkEnded($0)) },
                ended: { [unowned self] how, fault in
                    guard let join = self.join else { return }
                    // Released after its own turn.
                    self.join = nil
                    loop.perform { withExtendedLifetime(join) {} }
                    report(.ended(join, how, fault))
                }))
        self.join = join
        join.begin()
    }
}
