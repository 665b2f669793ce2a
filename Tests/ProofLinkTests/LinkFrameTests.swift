import SRUP
import Testing

@testable import ProofLink

/// docs/proof-link.md, "Frames": bytes and frames.
@Suite struct LinkFrameTests {
    private let stream = framesAndBytes.flatMap { $0.frame.encoded }
    private let frames = framesAndBytes.map(\.frame)

    @Test("a frame has the bytes in the specification, and those bytes are read as that frame")
    func vectors() throws {
        for (frame, digits) in framesAndBytes {
            #expect(hexadecimal(frame.encoded) == digits)
            #expect(try LinkFrame(packet: frame.encoded) == frame)
        }
    }

    @Test("the frames in this file cover every type, every mode and every outcome")
    func vectorsAreComplete() {
        #expect(Set(frames.compactMap(\.encoded.first)) == Set(1...9))
        for mode in Sample.plainModes { #expect(frames.contains(.ready(mode: mode, device: Sample.device))) }
        for outcome in Outcome.allCases {
            #expect(frames.contains { if case .outcome(outcome, _) = $0 { true } else { false } })
        }
    }

    // MARK: - Streams

    @Test("a stream cut anywhere, into pieces of any length, gives the same frames", arguments: 1...80)
    func pieces(length: Int) throws {
        var assembler = FrameAssembler()
        var met: [LinkFrame] = []
        for start in stride(from: 0, to: stream.count, by: length) {
            assembler.append(stream[start..<min(start + length, stream.count)])
            while let frame = try assembler.next() { met.append(frame) }
        }
        #expect(met == frames)
        #expect(assembler.isEmpty)
    }

    @Test("a stream in one piece, and in two cut at each byte, gives the same frames")
    func cuts() throws {
        for cut in 0...stream.count {
            var assembler = FrameAssembler()
            var met: [LinkFrame] = []
            for piece in [stream[..<cut], stream[cut...]] {
                assembler.append(piece)
                while let frame = try assembler.next() { met.append(frame) }
            }
            #expect(met == frames, "cut at \(cut)")
        }
    }

    @Test("a frame without its last byte is incomplete, and the assembler says that it waits")
    func incomplete() throws {
        for frame in frames {
            for count in 1..<frame.encoded.count {
                var assembler = FrameAssembler()
                assembler.append(frame.encoded.prefix(count))
                #expect(try assembler.next() == nil)
                #expect(!assembler.isEmpty)
            }
        }
        var nothing = FrameAssembler()
        #expect(try nothing.next() == nil)
        #expect(nothing.isEmpty)
    }

    @Test("a length that does not fit the type is refused as soon as the header is there", arguments: UInt8(1)...9)
    func wrongLengths(type: UInt8) throws {
        let right = try #require(LinkFrame.payloadLengths(ofType: type))
        #expect(right.upperBound <= LinkFrame.maximumPayloadLength)
        for length in Array(0...600) + [0x7FFF, 0xFFFF] where !right.contains(length) {
            var assembler = FrameAssembler()
            assembler.append([type, UInt8(length >> 8), UInt8(length & 0xFF)])
            #expect(throws: LinkFrameError.length(type: type, length: length)) { try assembler.next() }
            // Nothing that follows is treated as a frame.
            assembler.append(frames[0].encoded)
            #expect(throws: LinkFrameError.length(type: type, length: length)) { try assembler.next() }
        }
    }

    @Test("a type that is not in the table is refused at its first byte")
    func unknownTypes() {
        for type in [0] + Array(10...UInt8.max) {
            var assembler = FrameAssembler()
            assembler.append([type])
            #expect(throws: LinkFrameError.type(type)) { try assembler.next() }
        }
    }

    @Test("a type that only the other end sends is refused at its first byte, and in a packet", arguments: UInt8(1)...9)
    func otherEnd(type: UInt8) throws {
        let frame = try #require(frames.first { $0.encoded[0] == type })
        let (sender, other): (LinkEnd, LinkEnd) =
            [1, 3, 4, 7].contains(type) ? (.beacon, .device) : (.device, .beacon)
        #expect(try LinkFrame(packet: frame.encoded, from: sender) == frame)
        #expect(throws: LinkFrameError.sender(type)) { try LinkFrame(packet: frame.encoded, from: other) }
        var (own, foreign) = (FrameAssembler(from: sender), FrameAssembler(from: other))
        own.append([type])
        foreign.append([type])
        #expect(try own.next() == nil)
        #expect(throws: LinkFrameError.sender(type)) { try foreign.next() }
    }

    @Test("frames before an invalid one are returned, and none after it")
    func goodThenBad() throws {
        var assembler = FrameAssembler()
        assembler.append(frames[0].encoded + [0xFF] + frames[1].encoded)
        #expect(try assembler.next() == frames[0])
        for _ in 0..<3 { #expect(throws: LinkFrameError.type(0xFF)) { try assembler.next() } }
    }

    // MARK: - Numbers without meaning

    @Test("READY with an unknown mode, or with one that uses CLAIM, is refused")
    func unknownModes() {
        for mode in UInt8.min...UInt8.max where Mode(rawValue: mode).map(Sample.plainModes.contains) != true {
            var bytes = LinkFrame.ready(mode: .challenge, device: Sample.device).encoded
            bytes[3] = mode
            #expect(throws: LinkFrameError.field(type: 0x02)) { try LinkFrame(packet: bytes) }
        }
    }

    @Test("CLAIM with another mode, and SIGN with an invalid last-piece flag, are refused")
    func unknownClaims() {
        for mode in UInt8.min...UInt8.max where mode != 3 {
            var bytes = LinkFrame.claim(Sample.linkNonce).encoded
            bytes[3] = mode
            #expect(throws: LinkFrameError.field(type: 0x08)) { try LinkFrame(packet: bytes) }
        }
        for last in UInt8(2)...UInt8.max {
            var bytes = LinkFrame.sign(last: true, [1]).encoded
            bytes[3] = last
            #expect(throws: LinkFrameError.field(type: 0x09)) { try LinkFrame(packet: bytes) }
        }
    }

    @Test("OUTCOME with a status that does not exist is refused")
    func unknownOutcomes() {
        for status in UInt8.min...UInt8.max where Outcome(rawValue: status) == nil {
            var bytes = LinkFrame.outcome(.fail, tag: LinkFrame.noTag).encoded
            bytes[3] = status
            #expect(throws: LinkFrameError.field(type: 0x07)) { try LinkFrame(packet: bytes) }
        }
    }

    @Test("every bit of a frame matters: flipped, it is another frame or an error")
    func bitFlips() {
        for frame in frames {
            for bit in 0..<8 * frame.encoded.count {
                var bytes = frame.encoded
                bytes[bit / 8] ^= 1 << (bit % 8)
                #expect((try? LinkFrame(packet: bytes)) != frame)
            }
        }
    }

    // MARK: - Packets

    @Test("a packet that is shorter than its frame is refused at every length")
    func shortPackets() {
        #expect(throws: LinkFrameError.packet(0)) { try LinkFrame(packet: []) }
        for frame in frames {
            for count in 1..<frame.encoded.count {
                #expect(throws: LinkFrameError.packet(count)) { try LinkFrame(packet: Array(frame.encoded[..<count])) }
            }
        }
    }

    @Test("a packet with bytes after its frame, or with two frames, is refused")
    func longPackets() {
        for frame in frames {
            for tail in [[0x00], [0xFF], frame.encoded, frames[0].encoded] as [[UInt8]] {
                let packet = frame.encoded + tail
                #expect(throws: LinkFrameError.packet(packet.count)) { try LinkFrame(packet: packet) }
            }
        }
    }

    @Test("no error reveals the bytes, except for the number that was wrong")
    func errorsInWords() {
        #expect(LinkFrameError.type(0xAB).description == "link frame type 0xab does not exist")
        #expect(
            LinkFrameError.length(type: 2, length: 7).description == "link frame 0x02 with a payload of 7 bytes")
        #expect(
            LinkFrameError.sender(2).description == "link frame type 0x02 is one that only the other end sends")
        #expect(LinkFrameError.field(type: 7).description == "link frame 0x07 has an invalid number in a field")
        #expect(LinkFrameError.packet(5).description == "a packet of 5 bytes is not one link frame")
    }

    @Test("a VALUE that is printed does not show the value")
    func valueIsNotShown() {
        #expect("\(LinkFrame.value(Sample.otherValue))".contains("not shown"))
        #expect(!"\(LinkFrame.value(Sample.otherValue))".contains("238"))
    }
}
