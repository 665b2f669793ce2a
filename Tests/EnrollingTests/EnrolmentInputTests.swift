import Foundation
import Glibc
import Keys
import OperatorText
import TestVectors
import Testing

@testable import Enrolling

@Suite("What is given to an enrolment")
struct EnrolmentInputTests {
    private func fault(_ change: (inout EnrolmentRequest) -> Void) throws -> OperatorFault {
        var request = EnrolmentRequest()
        (request.address, request.type) = ("https://127.0.0.1:1", "beacon")
        change(&request)
        let fault = try #require(throws: OperatorFault.self) { try request.checked(goingOnIn: nil) }
        #expect(OperatorTextRules.broken(by: fault) == [])
        return fault
    }

    @Test("a CA file is refused with the cause: it is not there, is too long, or holds no certificate")
    func authority() throws {
        try TemporaryFolder.with { files in
            let (missing, long) = (files.path("nothing"), files.path("long"))
            try files.write(Data(repeating: 0x41, count: 65_537), to: "long", mode: 0o644)
            try files.write(Data("text".utf8), to: "text", mode: 0o644)
            for (path, message, hint) in [
                (missing, "the CA file \(missing) cannot be read: No such file or directory", "let this user read it"),
                (long, "the CA file \(long) cannot be read: it is longer than 65536 bytes", "not all CAs of a system"),
                (files.path("text"), "\(files.path("text")) holds no CA certificate in PEM", "the whole chain"),
            ] {
                let fault = try fault { $0.authority = path }
                #expect(fault.message == message)
                #expect(fault.hint(for: .beacon).contains(hint))
            }
        }
    }

    @Test("a token's file that cannot be read is refused with the cause")
    func token() throws {
        try TemporaryFolder.with { files in
            let path = files.path("nothing")
            #expect(
                try fault { $0.token = path }.message
                    == "the token in \(path) cannot be read: No such file or directory")
            let long = try files.write(Data(repeating: 0x41, count: 65_537), to: "long")
            #expect(try fault { $0.token = long }.message.hasSuffix("cannot be read: it is longer than 65536 bytes"))
        }
    }

    @Test("a file of an earlier run that is too long, or cannot be read, is not taken for one that is missing")
    func kept() throws {
        try TemporaryFolder.with { files in
            let folder = CredentialFolder(path: files.url.path)
            try #expect(folder.read(files.path("nothing")) == nil)
            try files.write(Data(repeating: 0x41, count: 65_537), to: "enrolment.json")
            let fault = try #require(throws: OperatorFault.self) { try EnrolmentRecord(in: folder) }
            #expect(fault.message == "\(folder.record) cannot be read: it is longer than 65536 bytes")
        }
    }
}
