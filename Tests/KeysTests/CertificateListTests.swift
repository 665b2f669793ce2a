import Foundation
import Keys
import TestVectors
import Testing

@Suite("Several certificates in one text")
struct CertificateListTests {
    private func authority(_ key: String, _ name: String) throws -> CertificateAuthority {
        try CertificateAuthority.make(key: try TestKeys.privateKey(key), named: name, from: 0, until: 4_102_444_800)
    }

    @Test("all are read, in their order, with text around them; their subjects are one line")
    func all() throws {
        let (first, second) = (
            try authority("c2_2048", "A").certificate, try authority("dev_2048", "B\u{7}").certificate
        )
        let text = Array("comment\n".utf8) + first.pem + Array("\nanother\n".utf8) + second.pem + Array("end\n".utf8)
        let read = try Certificate.all(pem: text)
        #expect(read.count == 2 && read[0].equals(first) && read[1].equals(second) && !read[0].equals(read[1]))
        #expect(read.map(\.subject) == ["CN = A", "CN = B\\07"])
        #expect(Certificate.pem(read) == first.pem + second.pem)
        #expect(try Certificate.all(pem: first.pem).count == 1)
    }

    @Test("a text without any, with a damaged one at any place, or of more than 64 KiB is refused")
    func refused() throws {
        let pem = try authority("c2_2048", "A").certificate.pem
        #expect(throws: EncodingError.malformed) { try Certificate.all(pem: []) }
        #expect(throws: EncodingError.malformed) { try Certificate.all(pem: Array("no certificate".utf8)) }
        for length in stride(from: 40, to: pem.count - 1, by: 97) {
            #expect(throws: EncodingError.malformed) { try Certificate.all(pem: pem + pem[..<length]) }
            #expect(throws: EncodingError.malformed) { try Certificate.all(pem: pem[..<length] + pem) }
        }
        let long = [UInt8](repeating: 10, count: 65_537)
        #expect(throws: EncodingError.tooLong(bytes: 65_537)) { try Certificate.all(pem: long) }
    }
}
