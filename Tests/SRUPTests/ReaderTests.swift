import SRUP
import Testing

@Suite("The cursor over received bytes")
struct ReaderTests {
    @Test("integers are read in the order that the call names")
    func order() throws {
        var reader = Reader([1, 2, 3, 4, 0xFE, 0xFF, 0xFF, 0xFF])
        #expect(try reader.bigEndian(UInt16.self) == 0x0102)
        #expect(try reader.littleEndian(UInt16.self) == 0x0403)
        #expect(try reader.littleEndian(Int32.self) == -2)
        try reader.finish()
    }

    @Test("a read beyond the end throws and moves nothing")
    func beyond() throws {
        var reader = Reader([0, 3, 9, 9])
        #expect(throws: FrameError.truncated(needed: 3, left: 2)) { try reader.lengthPrefixed() }
        #expect(reader.left == 2)
        #expect(throws: FrameError.truncated(needed: 8, left: 2)) { try reader.littleEndian(UInt64.self) }
        #expect(Array(try reader.take(2)) == [9, 9])
        #expect(throws: FrameError.truncated(needed: 1, left: 0)) { try reader.byte() }
    }

    @Test("a negative or absurd count throws and does not trap", arguments: [-1, Int.min, Int.max])
    func absurd(count: Int) throws {
        var reader = Reader([1, 2, 3])
        #expect(throws: FrameError.truncated(needed: count, left: 3)) { try reader.take(count) }
        #expect(reader.left == 3)
    }

    @Test("a parser that leaves bytes fails")
    func leftOver() throws {
        var reader = Reader([1, 2, 3])
        _ = try reader.byte()
        #expect(throws: FrameError.trailing(2)) { try reader.finish() }
    }

    @Test("written values are read back, in both byte orders")
    func writers() throws {
        var bytes: [UInt8] = []
        bytes.appendBigEndian(UInt32(0x0102_0304))
        bytes.appendLittleEndian(UInt64(0x0506_0708))
        bytes.appendLengthPrefixed([9])
        #expect(bytes == [1, 2, 3, 4, 8, 7, 6, 5, 0, 0, 0, 0, 0, 1, 9])
    }
}
