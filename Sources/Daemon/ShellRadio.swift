import Bluetooth
import EventLoop
import Files
import Keys
import Nearby
import Observing
import ProofLink
import SRUP

// What the configuration and the identity key say about the radio.
extension Shell {
    func makeAdapters() -> Adapters {
        let (loop, clock, given) = (loop, clock, startup.service.management)
        return Adapters(
            configuration.radio.adapters, clock: clock, log: log,
            record: AdvertisingRecord(folder.advertising, bootID: startup.bootID, log: log),
            outlets: Adapters.Outlets(
                open: { happened throws(LinkSocketError) in
                    try Management(loop, clock: clock, given: given, happened: happened)
                },
                wish: { [unowned self] in assumeIsolated { $0.adapterWish } },
                closeLinks: { [unowned self] adapter in assumeIsolated { $0.links.closeAll(over: adapter) } },
                reopenListeners: { [unowned self] in assumeIsolated { $0.listeners.reopenRadio() } },
                listensOnLE: { [unowned self] adapter in assumeIsolated { $0.listeners.listensOnLE(at: adapter) } },
                isBlocked: RadioSurvey.isBlocked,
                found: { [unowned self] data, signal, adapter in
                    assumeIsolated { $0.neighbours?.found(data, signal: signal, by: adapter) }
                }))
    }

    /// Begins to listen for the neighbours that the configuration names, if it does.
    func startNeighbours() {
        let radio = configuration.radio
        guard !radio.neighbours.isEmpty else { return }
        neighbours = Neighbours(
            radio.neighbours, limit: radio.neighbourLimit, clock: clock, log: log,
            outlets: Neighbours.Outlets(
                adapters: { [unowned self] in assumeIsolated { $0.adapters.canSearch } },
                search: { [unowned self] begins, adapter, done in
                    assumeIsolated { $0.adapters.search(begins, with: adapter, then: done) }
                },
                links: { [unowned self] adapter in assumeIsolated { $0.links.count(over: adapter) } },
                advertise: { [unowned self] hearing in assumeIsolated { $0.adapters.hearing = hearing } }))
        neighbours?.start()
    }

    /// - Returns: whether anything listens on a radio now.
    func restartRadio() -> Bool {
        guard configuration.usesRadio else { return false }
        adapters.restart()
        return listeners.listeners.contains { $0.isRadio && $0.socket != nil }
    }

    func makeServiceRecordOffer() -> ServiceRecordOffer {
        ServiceRecordOffer(background: BackgroundWork(loop: loop)) { [unowned self] record in
            let service = BluetoothService(record: record) { [unowned self] happening in
                loop.perform { self.assumeIsolated { $0.log.info("\(happening)") } }
            }
            service.start()
            return { service.stop() }
        }
    }

    /// Gives bluetoothd, where it runs, a service record of the BR/EDR transports that are listened on.
    func offerServiceRecord() {
        guard configuration.radio.serviceRecord else { return }
        let listened = Set(listeners.listened.map(\.transport))
        serviceRecord.offer(
            ServiceRecord(
                rfcommChannel: listened.contains(.rfcomm) ? configuration.rfcommChannel : nil,
                l2capPSM: listened.contains(.l2cap) ? configuration.l2capPSM : nil))
    }

    /// What is announced follows what is listened on.
    func listenersChanged() {
        guard !stopping.isStopping else { return }
        adapters.advertisementChanged()
        offerServiceRecord()
        notifier.tellStatus()
    }

    /// What an adapter that appears now should be like.
    private var adapterWish: DesiredAdapterState {
        var wish = DesiredAdapterState()
        wish.classic = configuration.rfcommChannel != nil || configuration.l2capPSM != nil
        wish.le =
            configuration.lePSM != nil || configuration.announcement != nil
            || configuration.radio.registrationURL != nil || !configuration.radio.neighbours.isEmpty
        (wish.setsUp, wish.name) = (configuration.radio.setsUp, configuration.radio.name)
        (wish.announcement, wish.privacyKey) = (configuration.announcement, privacyKey)
        wish.registrationURL = configuration.radio.registrationURL
        wish.isAlone = !Shell.bluetoothdRuns
        return wish
    }

    /// Whether bluetoothd also sets adapters up, and has an agent to confirm pairings. Seen in /proc, since asking the
    /// bus may take seconds.
    private static var bluetoothdRuns: Bool {
        Folder.entries(of: "/proc").contains { name in
            name.first?.isNumber == true
                && (try? File.read("/proc/\(name)/comm"))?.starts(with: "bluetoothd".utf8) == true
        }
    }

    /// Bound to the identity key, so that devices that have paired know the beacon again after a restart, and nobody else
    /// can tell that two addresses are one beacon's.
    private var privacyKey: [UInt8]? {
        guard configuration.radio.rotatesAddress else { return nil }
        guard
            let signature = try? materials.key.signature(over: [
                Array("srup-beacon: LE identity resolving key".utf8)[...]
            ]),
            let secret = Secret(signature.prefix(Secret.length))
        else { Shell.endWithout(materials.key, "sign") }
        return Array(hmacSHA256(secret, signature).prefix(16))
    }
}
