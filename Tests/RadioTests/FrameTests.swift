import Foundation
import Keys
import ProofLink
import SRUP
import SystemSupport
import Testing

private let malformed = LinkFrame.outcome(.malformed, tag: LinkFrame.noTag)
private let ready = LinkFrame.ready(mode: .challenge, device: Node.device).encoded

extension RadioTests {
    /// docs/proof-link.md, "Frames": "A type that is not in the table, a length that is not the one the table gives, …".
    @Suite("Frames on real links", .serialized)
    struct FrameTests {
        let field: RadioFixture

        init() throws {
            field = try FrameTests.field(ready: 20)
        }

        /// - Parameter ready: seconds. Long, unless it is meant to pass: a test that was delayed would exceed it.
        private static func field(ready: Int) throws -> RadioFixture {
            try RadioFixture.with(
                link: ["ready = \(ready)", "proof = 20", "hold-off-first = 0.05", "hold-off-longest = 0.1"])
        }

        /// A link on which HELLO has arrived; the last test's hold-off may have to pass first.
        private func greeted(_ way: Route) throws -> TestDevice {
            var link: TestDevice?
            try eventually("HELLO over \(way)") {
                link = try TestDevice(way)
                if case .hello? = try link?.receive() { return true }
                return false
            }
            return try #require(link)
        }

        /// The next frame that is neither WAIT nor CHALLENGE.
        private func outcome(of link: TestDevice) throws -> LinkFrame? {
            while let frame = try link.receive() {
                switch frame {
                case .wait, .challenge: continue
                default: return frame
                }
            }
            return nil
        }

        /// - Parameters:
        ///   - writes: what the device sends, all of it before the beacon has a reason to end the link.
        ///   - late: what the device sends after that: the link may be closed by then, as it should.
        private func expect(
            _ end: LinkFrame, after writes: [UInt8]..., late: [UInt8]? = nil, over way: Route,
            _ location: SourceLocation = #_sourceLocation
        ) throws {
            let link = try greeted(way)
            for bytes in writes { #expect(link.send(bytes) == 0, sourceLocation: location) }
            if let late {
                let result = link.send(late)
                #expect([0, EPIPE, ECONNRESET, ENOTCONN].contains(result), sourceLocation: location)
            }
            let frame = try outcome(of: link)
            #expect(frame == end, "\(writes.map { hexadecimal($0.prefix(16)) })", sourceLocation: location)
            #expect(try link.receive() == nil, sourceLocation: location)
        }

        // MARK: - The stream

        @Test("RFCOMM: frames that come byte by byte are accepted", arguments: [Mode.value, .challenge])
        func byteByByte(_ mode: Mode) throws {
            let (value, token) = (Secret.random(), TestServer.token())
            try field.server.observe(Node.device, value, token: token)
            let end = try TestDevice.prove(
                try Radio.deviceWay(.rfcomm), value, mode: mode,
                sending: { link, frame in
                    for byte in frame.encoded {
                        #expect(link.send([byte]) == 0)
                        usleep(2_000)
                    }
                })
            #expect(end?.outcome == .valid)
            #expect(try field.server.waitForVerdict(token) == .observedJoinValid)
        }

        @Test("RFCOMM: half a frame waits for the other half")
        func halfAFrame() throws {
            let way = try Radio.deviceWay(.rfcomm)
            for length in 1..<ready.count {  // and then the device is gone
                let link = try greeted(way)
                #expect(link.send(Array(ready.prefix(length))) == 0)
            }
            try expect(malformed, after: Array(ready.dropLast()), [ready.last ?? 0], ready, over: way)
            try field.expectService(way)
        }

        @Test("RFCOMM: an incomplete READY counts as missing at the time limit")
        func withoutReady() throws {
            let field = try FrameTests.field(ready: 1)
            let way = try Radio.deviceWay(.rfcomm)
            // If the device is slow, the second has passed.
            try expect(.outcome(.unknown, tag: LinkFrame.noTag), late: Array(ready.dropLast()), over: way)
            try field.expectService(way)
        }

        @Test("RFCOMM: READY and VALUE in one write are two frames, and so are READY and a false PROOF")
        func mergedStream() throws {
            let way = try Radio.deviceWay(.rfcomm)
            let (value, token) = (Secret.random(), TestServer.token())
            try field.server.observe(Node.device, value, token: token)
            try eventually("the beacon has the request") { field.openObservations == 1 }
            let proof = LinkFrame.proof(nonce: randomBytes(32), tag: randomBytes(32)).encoded
            try expect(.outcome(.invalid, tag: LinkFrame.noTag), after: ready + proof, over: way)
            let both = LinkFrame.ready(mode: .value, device: Node.device).encoded + LinkFrame.value(value).encoded
            try expect(.outcome(.valid, tag: LinkFrame.noTag), after: both, over: way)
            #expect(try field.server.waitForVerdict(token) == .observedJoinValid)
        }

        @Test("RFCOMM: invalid bytes are malformed as soon as this can be seen")
        func malformedStream() throws {
            let way = try Radio.deviceWay(.rfcomm)
            try expect(malformed, after: ready + ready, over: way)
            try expect(
                malformed, after: ready + LinkFrame.proof(nonce: randomBytes(32), tag: randomBytes(32)).encoded,
                over: way)
            try expect(malformed, after: [0xFF], over: way)
            try expect(malformed, after: [0x02, 0xFF, 0xFF], over: way)
            try expect(malformed, after: [0x02, 0x00], [0x0A], over: way)
            try expect(malformed, after: [UInt8](repeating: 0x02, count: 2_000), over: way)
            try field.expectService(way)
        }

        // MARK: - Packets

        @Test("a packet that is shorter than a frame is malformed", arguments: [Transport.l2cap, .le])
        func truncatedPacket(_ transport: Transport) throws {
            let way = try Radio.deviceWay(transport)
            for length in 1..<ready.count { try expect(malformed, after: Array(ready.prefix(length)), over: way) }
            try expect(malformed, after: Array(ready.prefix(6)), late: Array(ready.dropFirst(6)), over: way)
            try field.expectService(way)
        }

        @Test("two frames in one packet are malformed", arguments: [Transport.l2cap, .le])
        func mergedPacket(_ transport: Transport) throws {
            let (way, token) = (try Radio.deviceWay(transport), TestServer.token())
            let value = Secret.random()
            try expect(malformed, after: ready + ready, over: way)
            try expect(malformed, after: ready + [0], over: way)
            try field.server.observe(Node.device, value, token: token)
            let both = LinkFrame.ready(mode: .value, device: Node.device).encoded + LinkFrame.value(value).encoded
            try expect(malformed, after: both, over: way)
            #expect(field.server.verdicts(token).isEmpty)
            // The same device: the request above is superseded. The new one must be there before the device is, which has the new value.
            let join = try field.join(way, asked: { _ = try field.server.waitForVerdict(token) })
            #expect(field.server.verdicts(token) == [.observedJoinFail])
            #expect(field.server.verdicts(join.token) == [.observedJoinValid])
        }

        @Test(
            "an oversize packet is malformed, up to the MTU; above it nothing can be sent",
            arguments: [Transport.l2cap, .le])
        func oversizePacket(_ transport: Transport) throws {
            let way = try Radio.deviceWay(transport)
            let mtu = 672
            for length in [67, 515, 516, 517, mtu - 1, mtu] {
                let claim = min(length - LinkFrame.headerLength, LinkFrame.maximumPayloadLength)
                let header = [UInt8(0x02), UInt8(claim >> 8), UInt8(claim & 0xFF)]
                let filled = { $0 + [UInt8](repeating: 0, count: length - $0.count) }
                try expect(malformed, after: filled(header), over: way)
                try expect(malformed, after: filled(ready), over: way)
            }
            let link = try greeted(way)
            #expect(link.send([UInt8](repeating: 0, count: mtu + 1)) == EMSGSIZE)
            link.send(ready)
            guard case .wait? = try link.receive() else {
                Issue.record("no WAIT")
                return
            }
            try field.expectService(way)
        }

        @Test("L2CAP: an empty packet is malformed, and does not end any other link")
        func emptyPacket() throws {
            let way = try Radio.deviceWay(.l2cap)
            let link = try greeted(way)
            #expect(link.send([]) == 0)
            #expect(try link.receive() == malformed)
            try field.expectService(way)
        }

        @Test("LE: the kernel does not send an empty packet, and the link continues")
        func emptyPacketOnLE() throws {
            let link = try greeted(try Radio.deviceWay(.le))
            #expect(link.send([]) == 0)
            link.send(ready)
            guard case .wait? = try link.receive() else {
                Issue.record("no WAIT")
                return
            }
        }
    }
}
