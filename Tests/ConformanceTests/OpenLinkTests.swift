import Glibc
import ProofLink
import Testing

@testable import Conformance

@Suite("A link as the conformance test sees it") struct OpenLinkTests {
    /// Both ends of a link; the test writes to `device`.
    private func pair() -> (link: OpenLink, device: Int32) {
        var ends: [Int32] = [-1, -1]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0, &ends)
        return (OpenLink(ends[0], .local), ends[1])
    }

    private func write(_ bytes: [UInt8], to socket: Int32) { _ = Glibc.write(socket, bytes, bytes.count) }

    private static let ready: [UInt8] = [2, 0, 9, 2, 1, 2, 3, 4, 5, 6, 7, 8]

    @Test("frames come one by one, whatever the pieces are")
    func pieces() {
        let (link, device) = pair()
        write(Array(OpenLinkTests.ready.prefix(5)), to: device)
        #expect(link.next() == nil && link.rest == Array(OpenLinkTests.ready.prefix(5)))
        write(Array(OpenLinkTests.ready.suffix(7)) + OpenLinkTests.ready, to: device)
        for _ in 0..<2 { #expect(link.next() == .frame(2, Array(OpenLinkTests.ready.suffix(9)))) }
        #expect(link.next() == nil)
        close(device)
        #expect(link.next() == .closed && link.next() == .closed)
    }

    @Test("a length that no frame has is told at once, and a part of a frame at the end")
    func junk() {
        let (link, device) = pair()
        write([2, 9, 0, 1], to: device)
        #expect(link.next() == .bytes([2, 9, 0, 1]))
        write([2, 0, 9], to: device)
        #expect(link.next() == nil)
        close(device)
        #expect(link.next() == .bytes([2, 0, 9]) && link.next() == .closed)
    }

    @Test("what has come is described with what can be read in it")
    func words() {
        #expect(
            OpenLink.Arrival.frame(2, Array(OpenLinkTests.ready.suffix(9))).description
                == "READY in challenge mode of the device 0102030405060708")
        #expect(
            OpenLink.Arrival.frame(2, [7]).description
                == "type 0x02 with a payload of 1 bytes, which is not a frame")
        #expect(OpenLink.Arrival.bytes([1, 2]).description == "2 bytes that are not a frame")
        #expect(OpenLink.Arrival.frame(8, [3] + KeyedContext.noClaim).description == "CLAIM with zeros")
    }
}
