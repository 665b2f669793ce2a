import Bluetooth
import EventLoop
import Keys
import Logging
import Nearby
import Observing
import ProofLink
import SRUP

/// This beacon's own proofs to other beacons, where a server lets it join only as observed by one of them (§5.2.2).
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class OwnProofs: @unchecked Sendable {
    /// What they need of the rest of the daemon.
    struct Outlets {
        /// The value that a server has sent for our proof; nil: it is no longer valid.
        let value: (Identifier) -> Secret?
        /// Where the configuration says that a server's observer is near by.
        let configuredAddress: (Identifier) -> NearbyAddress?
        /// Signs with the identity key as it is now.
        let signer: () -> @Sendable ([UInt8]) -> [UInt8]
    }

    /// One proof, over as many links as it takes.
    private struct Showing {
        var plan = LinkPlan(presentsOnce: false)
        var missing = MissingLinks()
        var link: DeviceLink?
        let again: any LoopTimer
    }

    private let identity: Identifier
    private let adapter: BluetoothAddress
    private let loop: Loop
    private let clock: any LoopClock
    private let events: EventLog
    private let outlets: Outlets
    /// Where a person has said that observers are.
    private var addresses: [Identifier: NearbyAddress] = [:]
    private var showing: [Identifier: Showing] = [:]

    /// - Parameters:
    ///   - identity: our own.
    ///   - adapter: from which links are opened; `.any`: the kernel picks one.
    init(
        _ identity: Identifier, from adapter: BluetoothAddress, loop: Loop, clock: any LoopClock, events: EventLog,
        outlets: Outlets
    ) {
        (self.identity, self.adapter, self.loop, self.clock) = (identity, adapter, loop, clock)
        (self.events, self.outlets) = (events, outlets)
    }

    /// Where the observer for a server is: as a person has said, or else the configuration.
    func address(for server: Identifier) -> NearbyAddress? { addresses[server] ?? outlets.configuredAddress(server) }

    /// A person says where the observer for a server is.
    func note(_ address: NearbyAddress, for server: Identifier) { addresses[server] = address }

    /// Our own value has come. A human asks for it with `srup-beacon join --human`; we present it to an observer ourselves.
    func present(to server: Identifier, _ joinMode: JoinMode) {
        guard case .observed(let observer) = joinMode else {
            events.say(
                .notice, about: "present",
                "server \(server) waits for a person; hint: srup-beacon join \(server.topicForm) --human shows the value"
            )
            return
        }
        guard let address = address(for: server) else {
            events.say(
                .warning, about: "present",
                "where observer \(observer) is near by is not known; hint: set observer-address in [server \(server.topicForm)]"
            )
            return
        }
        showing[server] = Showing(again: clock.timer { [unowned self] in show(to: server, observer, at: address) })
        show(to: server, observer, at: address)
    }

    private func show(to server: Identifier, _ beacon: Identifier, at address: NearbyAddress) {
        guard showing[server] != nil, let value = outlets.value(server) else {
            showing[server] = nil
            return
        }
        let session = DeviceSession(
            DeviceSession.Parties(device: identity, server: server, beacon: beacon, transport: address.transport),
            deviceNonce: randomBytes(LinkFrame.deviceNonceLength), value: value, authenticate: hmacSHA256)
        let link = DeviceLink(
            loop, clock: clock, to: address, session: session, sign: outlets.signer(),
            report: { [weak self] in self?.happened($0, showingTo: server, address) })
        showing[server]?.link = link
        link.open(from: adapter)
    }

    private func happened(_ report: DeviceLink.Report, showingTo server: Identifier, _ address: NearbyAddress) {
        let about = "our own proof for \(server), at \(address)"
        switch report {
        case .presented: showing[server]?.plan.presented()
        case .linked, .frame: break
        case .say(let words): events.say(.info, about: "own-proof", "\(about): \(words)")
        case .ended(let how):
            showing[server]?.link = nil
            if case .left(let why) = how { events.say(.warning, about: "own-proof", "\(about): \(why)") }
            if let line = showing[server]?.missing.note(how, at: address) {
                let hint = showing[server]?.missing.fault(at: address).map { "; hint: \($0.hint(for: .beacon))" }
                events.say(.warning, about: "own-proof", "our own proof for \(server): \(line)\(hint ?? "")")
            }
            switch showing[server]?.plan.after(how) {
            case .again(let pause): showing[server]?.again.set(after: pause)
            case .fault: showing[server] = nil
            // Until the server has answered: it may ask the observer again.
            case .done: showing[server]?.again.set(after: LinkPlan.maximumPause)
            case nil: break
            }
        }
    }
}
