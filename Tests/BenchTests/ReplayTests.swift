import Bench
import EventLoop
import Foundation
import Nearby
import OperatorText
import ProofLink
import SRUP
import Synchronization
import Testing
import TestVectors

@Suite("Replaying recorded links")
struct ReplayTests {
    private static let hello = LinkFrame.hello(
        version: 1, modes: [.challenge], beacon: Identifier(0xB1), nonce: [UInt8](repeating: 1, count: 16))
    private static let challenge = LinkFrame.challenge([UInt8](repeating: 2, count: 32))
    private static let proof = LinkFrame.proof(
        nonce: [UInt8](repeating: 3, count: 32), tag: [UInt8](repeating: 4, count: 32))
    private static func ready(_ device: UInt64) -> LinkFrame { .ready(mode: .challenge, device: Identifier(device)) }

    private static func line(
        _ frame: LinkFrame, _ name: String, sent isSent: Bool, device: UInt64 = 0xD1, at: Int64 = 0,
        frameHex: String? = nil
    ) -> TraceLine {
        TraceLine(
            atMicroseconds: at, from: isSent ? .device : .beacon, to: isSent ? .beacon : .device, via: .link,
            name: name,
            bytes: frame.encoded.count, token: "T", device: Identifier(device),
            frameHex: frameHex ?? hexadecimal(frame.encoded))
    }

    private static func join(_ device: UInt64) -> [TraceLine] {
        [
            line(hello, "HELLO", sent: false, device: device), line(ready(device), "READY", sent: true, device: device),
            line(challenge, "CHALLENGE", sent: false, device: device),
            line(proof, "PROOF", sent: true, device: device),
        ]
    }

    @Test("takes the links of each device apart, where those of several are mixed")
    func apart() throws {
        let (first, second) = (ReplayTests.join(0xD1), ReplayTests.join(0xD2))
        let mixed = zip(first, second).flatMap { [$0, $1] } + [first[0], first[1]]
        let links = try RecordedLink.links(in: mixed)
        #expect(links.map(\.device) == ["00000000000000d1", "00000000000000d2", "00000000000000d1"])
        #expect(links.map(\.played) == [2, 2, 1] && links.allSatisfy { $0.token == "T" })
        // A link on which the device has said nothing is left out, and so is what comes before the first HELLO.
        #expect(try RecordedLink.links(in: [first[3], first[0]] + second).count == 1)
    }

    @Test("refuses a trace without links, one without bytes, and one in value mode, each with a hint")
    func refused() {
        let old = ReplayTests.line(ReplayTests.hello, "HELLO", sent: false, frameHex: "")
        let value = ReplayTests.line(ReplayTests.challenge, "VALUE", sent: true)
        for (lines, words) in [
            ([], "no link"), ([old], "without its bytes"), ([ReplayTests.join(0xD1)[0], value], "value mode"),
        ] {
            let fault = #expect(throws: OperatorFault.self) { try RecordedLink.links(in: lines) }
            #expect(fault?.message.contains(words) == true && fault?.hint(for: .bench).isEmpty == false)
        }
    }

    /// A beacon that sends HELLO, and then these frames, each after a frame of the device.
    /// - Parameters:
    ///   - served: how many links it takes before it ends; nil: all.
    ///   - more: links that are not to be played.
    ///   - isFlooding: it sends WAIT all the time.
    private func play(
        _ answers: [LinkFrame], links: Int = 1, timed: Bool = false, served: Int? = nil, more: [RecordedLink] = [],
        isFlooding: Bool = false
    ) throws -> (ReplayReport, [[UInt8]]) {
        try TemporaryFolder.with { folder in
            let address = NearbyAddress.local(path: folder.path("link"))
            let listener = try LinkSocket.listen(on: address)
            let heard = Mutex<[[UInt8]]>([])
            let isDone = Mutex(false)
            startThread("beacon") {
                ReplayTests.serve(listener, answers, served ?? links, isFlooding) { bytes in
                    heard.withLock { $0.append(bytes) }
                }
                isDone.withLock { $0 = true }
            }
            let recorded = try RecordedLink.links(in: (0..<links).flatMap { ReplayTests.join(0xD1 + UInt64($0)) })
            var options = Replay.Options()
            (options.wait, options.isTimed) = (.milliseconds(200), timed)
            if served != nil { options.pause = .milliseconds(500) }  // until the beacon has ended
            let report = try Replay(to: address, options: options).run(more + recorded) { _, _ in }
            while !isDone.withLock({ $0 }) { usleep(1_000) }
            return (report, heard.withLock { $0 })
        }
    }

    private static func serve(
        _ listener: Int32, _ answers: [LinkFrame], _ links: Int, _ isFlooding: Bool, _ hear: ([UInt8]) -> Void
    ) {
        defer { close(listener) }
        for _ in 0..<links {
            var accepted: LinkSocket.Accepted?
            for _ in 0..<2_000 where accepted == nil {
                accepted = try? LinkSocket.accept(listener, .local)
                if accepted == nil { usleep(1_000) }
            }
            guard let socket = accepted?.socket else { return }
            _ = LinkSocket.send(hello, over: socket)
            var (left, assembler, isOpen) = (answers[...], FrameAssembler(), true)
            for _ in 0..<2_000 where isOpen {
                switch LinkSocket.receive(from: socket) {
                case .nothing:
                    if isFlooding { _ = LinkSocket.send(.wait(seconds: 1), over: socket) }
                    usleep(1_000)
                case .closed: isOpen = false
                case .bytes(let bytes):
                    assembler.append(bytes)
                    while let frame = try? assembler.next() {
                        hear(frame.encoded)
                        if let answer = left.popFirst() { _ = LinkSocket.send(answer, over: socket) }
                    }
                }
            }
            close(socket)
        }
    }

    @Test(
        "plays the device's frames byte for byte, in step with the beacon; malformed is not accepted",
        arguments: [false, true])
    func refusal(timed: Bool) throws {
        let (report, heard) = try play(
            [ReplayTests.challenge, .outcome(.malformed, tag: noTag)], links: 2, timed: timed)
        #expect(report.accepted == 0 && report.unplayed == 0 && report.status == 0)
        #expect(heard == [0xD1, 0xD2].flatMap { [ReplayTests.ready($0).encoded, ReplayTests.proof.encoded] })
        #expect(report.links.map(\.outcome) == ["malformed", "malformed"])
        #expect(report.summary == "2 links, 4 frames played, 0 accepted: 2 outcome malformed")
    }

    @Test("reports a beacon that accepts a replay, and one that does not speak")
    func acceptance() throws {
        let (report, _) = try play([ReplayTests.challenge, .outcome(.valid, tag: noTag)])
        #expect(report.accepted == 1 && report.status == 10)
        let (silent, heard) = try play([])
        #expect(silent.status == 0 && silent.links[0].end == "no answer" && heard.count == 2)
    }

    @Test("leaves links in value mode out, and counts a link that cannot be made, with a summary")
    func unplayed() throws {
        let value = ReplayTests.line(ReplayTests.challenge, "VALUE", sent: true)
        let links = try RecordedLink.links(in: [ReplayTests.join(0xD1)[0], value] + ReplayTests.join(0xD2))
        #expect(links.map(\.isInValueMode) == [true, false])
        // The beacon has ended after the first link.
        let (report, _) = try play(
            [ReplayTests.challenge, .outcome(.malformed, tag: noTag)], links: 2, served: 1, more: [links[0]])
        #expect(report.links.map(\.played) == [2, 0] && report.unplayed == 1 && report.status == 12)
        #expect(report.summary.hasSuffix("; 1 in value mode not played") && report.summary.contains("1 no link: "))
    }

    @Test("does not wait without end for a beacon that only sends WAIT", .timeLimit(.minutes(1)))
    func waitForever() throws {
        let (report, heard) = try play([], isFlooding: true)
        #expect(heard.count == 2 && report.accepted == 0 && report.links[0].played == 2)
    }

    private let noTag = [UInt8](repeating: 0, count: 32)

    @Test("tells the operator that nobody listens there")
    func nobody() throws {
        let links = try RecordedLink.links(in: ReplayTests.join(1))
        #expect(throws: OperatorFault.self) {
            try Replay(to: .local(path: "/nonexistent/link")).run(links) { _, _ in }
        }
    }
}
