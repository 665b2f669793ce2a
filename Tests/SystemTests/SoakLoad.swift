import EventLoop
import Foundation
import Keys
import ProofLink
import SRUP
import Synchronization
import SystemSupport
import TestVectors

/// The load of a soak test: requests and disturbances, each part on its own thread, from one seed.
///
/// `@unchecked Sendable`: only one part uses the network's broker, and the rest of the mutable state is locked.
final class SoakLoad: @unchecked Sendable {
    /// A request's device, and how it behaves.
    enum Manner: CaseIterable { case right, later, again, wrong, silent, superseded }

    /// A request that was sent, and the permitted answers.
    struct Question {
        let device: Identifier
        let allowed: Set<Status>
        let value = Secret.random()
        let token = TestServer.token()
        /// How often the server has sent it.
        var asks = 0
    }

    struct Counts {
        var (disturbances, cuts, lateAccepted) = (0, 0, 0)
    }

    private let server: TestServer
    private let beacon: BeaconProcess
    private let network: Network
    private let process: pid_t
    private let link: Route
    private let stranger: IdentityKey
    private let running = Atomic(0)
    private let stopping = Atomic(false)
    private let asked = Mutex<[Token: Question]>([:])
    private let counted = Mutex(Counts())
    private let lastFrame = Mutex<[UInt8]>([])

    init(_ server: TestServer, _ beacon: BeaconProcess) throws {
        (self.server, self.beacon, network, link) = (server, beacon, beacon.network, beacon.link)
        process = beacon.process?.process ?? 0
        stranger = try IdentityKey(pemFile: network.folder + "/\(Node.device.topicForm).key.pem")
    }

    var questions: [Question] { asked.withLock { Array($0.values) } }
    var counts: Counts { counted.withLock { $0 } }

    /// Everything once, one after the other, so that the beacon has seen all of it before its memory is measured.
    func everythingOnce(_ seed: UInt64) throws {
        var random = Seeded(seed)
        for joinMode in Manner.allCases { question(joinMode, Identifier(0xD000)) }
        var held: [TestDevice] = []
        for kind in 0..<SoakLoad.disturbances { disturb(kind, &random, &held) }
        try cut(frozen: true, seconds: 0.3)
        try cut(frozen: false, seconds: 0.3)
    }

    /// - Parameter hurry: seconds in which right devices follow each other without a pause, so that the journal grows until
    ///   SQLite's cache of it (2,000 KiB) is full, and memory grows with it no more.
    func start(_ seed: UInt64, maximumPeace: Double, hurry: Double) {
        let slow = bootNanoseconds() + Int64(hurry * 1e9)
        for number in 0..<4 {
            part(seed &+ UInt64(number)) { random in
                let device = Identifier(0xD001 + UInt64(number))
                while bootNanoseconds() < slow { self.question(.right, device) }
                self.ask(&random, device)
            }
        }
        part(seed &+ 100) { random in
            var held: [TestDevice] = []
            while self.pause(.random(in: 0.02...0.3, using: &random)) {
                self.disturb(.random(in: 0..<SoakLoad.disturbances, using: &random), &random, &held)
            }
        }
        part(seed &+ 200) { random in
            while self.pause(.random(in: maximumPeace / 3...maximumPeace, using: &random)) {
                try? self.cut(frozen: .random(using: &random), seconds: .random(in: 0.2...3, using: &random))
            }
        }
    }

    /// Waits until each part has finished its current step.
    func stop() throws {
        stopping.store(true, ordering: .relaxed)
        try eventually("the load has ended", within: 120) { running.load(ordering: .relaxed) == 0 }
    }

    private func part(_ seed: UInt64, _ body: @escaping @Sendable (inout Seeded) -> Void) {
        running.add(1, ordering: .relaxed)
        startThread("soak") {
            var random = Seeded(seed)
            body(&random)
            self.running.subtract(1, ordering: .relaxed)
        }
    }

    /// - Returns: whether to go on.
    private func pause(_ seconds: Double) -> Bool {
        let end = bootNanoseconds() + Int64(seconds * 1e9)
        while bootNanoseconds() < end, !stopping.load(ordering: .relaxed) { usleep(20_000) }
        return !stopping.load(ordering: .relaxed)
    }

    // MARK: - Questions

    private func ask(_ random: inout Seeded, _ device: Identifier) {
        // In the frequency in which they are listed.
        let manners: [Manner] = [.right, .right, .later, .later, .again, .wrong, .superseded, .silent]
        while pause(.random(in: 0...0.2, using: &random)) {
            question(manners.randomElement(using: &random) ?? .right, device)
        }
    }

    private func question(_ joinMode: Manner, _ device: Identifier) {
        let one = Question(device: device, allowed: SoakLoad.allowed(joinMode))
        let prove = { _ = try? TestDevice.prove(self.link, one.value, as: device) }
        put(one)
        switch joinMode {
        case .right: settle(one, meanwhile: prove)
        case .later:  // so that a cut often comes between the question and its verdict
            usleep(1_000_000)
            settle(one, meanwhile: prove)
        case .again:
            settle(one, meanwhile: prove)
            put(one)
        case .wrong: settle(one) { _ = try? TestDevice.prove(self.link, .random(), as: device) }
        case .silent:
            settle(one) {}
            let outcome = try? TestDevice.prove(link, one.value, as: device)?.outcome
            if outcome == .valid { counted.withLock { $0.lateAccepted += 1 } }
        case .superseded:
            let newer = Question(device: device, allowed: SoakLoad.allowed(.right))
            put(newer)
            settle(newer) { _ = try? TestDevice.prove(self.link, newer.value, as: device) }
            settle(one) {}
        }
    }

    /// A proof that a cut or a hold-off keeps away may come to nothing, and one that overtakes the newer request is wrong for
    /// the older.
    private static func allowed(_ joinMode: Manner) -> Set<Status> {
        switch joinMode {
        case .right, .later, .again: [.observedJoinValid, .observedJoinFail]
        case .wrong, .superseded: [.observedJoinInvalid, .observedJoinFail]
        case .silent: [.observedJoinFail]
        }
    }

    private func put(_ question: Question) {
        asked.withLock { $0[question.token, default: question].asks += 1 }
        guard let frame = try? server.observe(question.device, question.value, token: question.token) else { return }
        lastFrame.withLock { $0 = frame }
    }

    /// Acts as the device until the server has its answer. A broker that is away for seconds is not a reason to give up.
    private func settle(_ question: Question, meanwhile: () -> Void) {
        let deadline = bootNanoseconds() + 60_000_000_000
        while server.arrival(question.token) == nil, bootNanoseconds() < deadline {
            meanwhile()
            usleep(10_000)
        }
    }
}

// MARK: - Disturbances

extension SoakLoad {
    private static let all: [@Sendable (SoakLoad, inout Seeded, inout [TestDevice]) -> Void] = [
        { load, random, _ in _ = try? TestDevice(load.link).send(random.bytes(.random(in: 1...600, using: &random))) },
        { load, _, _ in if let socket = try? TestDevice.connectOnce(load.link) { close(socket) } },
        // Three that hang, each before a different step; a few at a time.
        { load, _, held in load.hang([], &held) },
        { load, _, held in load.hang(LinkFrame.ready(mode: .challenge, device: Identifier(0xD001)).encoded, &held) },
        { load, _, held in load.hang([LinkFrame.ready(mode: .challenge, device: Node.device).encoded[0]], &held) },
        { load, random, _ in load.server.publish(random.bytes(.random(in: 0...4_000, using: &random))) },
        { load, random, _ in load.server.publish(load.damagedFrame(&random)) },
        { load, _, _ in load.server.publish(load.lastFrame.withLock { $0 }) },  // a replay
        { load, _, _ in load.server.publish(load.forgery) },
        { load, _, _ in kill(load.process, SIGHUP) },
        { load, _, _ in _ = load.beacon.status },
    ]
    static var disturbances: Int { all.count }

    private func disturb(_ kind: Int, _ random: inout Seeded, _ held: inout [TestDevice]) {
        SoakLoad.all[kind](self, &random, &held)
        counted.withLock { $0.disturbances += 1 }
    }

    private func hang(_ bytes: [UInt8], _ held: inout [TestDevice]) {
        guard let device = try? TestDevice(link) else { return }
        if !bytes.isEmpty { device.send(bytes) }
        held.append(device)
        if held.count > 6 { held.removeFirst() }
    }

    private func damagedFrame(_ random: inout Seeded) -> [UInt8] {
        var frame = lastFrame.withLock { $0 }
        for index in frame.indices.shuffled(using: &random).prefix(.random(in: 1...4, using: &random)) {
            frame[index] ^= 1 << UInt8.random(in: 0...7, using: &random)
        }
        return frame
    }

    /// A message in the server's name with another key, and a sequence id that would lock out the server.
    private var forgery: [UInt8] {
        let message = Message(
            sequence: SequenceID(.max), sender: Node.c2, token: TestServer.token(), body: .terminateCommand)
        return (try? message.signed(by: stranger)) ?? []
    }

    /// The broker is stopped, or frozen while its connections stay open.
    private func cut(frozen: Bool, seconds: Double) throws {
        frozen ? network.signalBroker(SIGSTOP) : network.stopBroker()
        Thread.sleep(forTimeInterval: seconds)
        if frozen { network.signalBroker(SIGCONT) } else { try network.startBroker() }
        counted.withLock { $0.cuts += 1 }
    }
}
